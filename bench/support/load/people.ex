defmodule Bench.Load.People do
  @moduledoc false

  # A guild with as many members as one likes, written straight into the store while its room does not
  # run. Every member has one of a few roles.

  alias Guildhall.{Guild, Instance, Permissions, User}
  alias Guildhall.Model.Member
  alias Guildhall.Model.User, as: Person

  @enforce_keys [:guild_id, :channel_id, :owner_id, :role_ids, :user_ids]
  defstruct @enforce_keys

  @type t :: %__MODULE__{
          guild_id: pos_integer(),
          channel_id: pos_integer(),
          owner_id: pos_integer(),
          role_ids: [pos_integer()],
          user_ids: Range.t()
        }

  @roles 5
  @batch 2_000
  @joined_at 1_704_067_200_000

  @doc "The same, from the file if it was written there before by a run with as many members."
  @spec make!(Instance.t(), pos_integer(), (pos_integer() -> term()), Path.t()) :: t()
  def make!(instance, members, progress, file) do
    with {:ok, bytes} <- File.read(file),
         %__MODULE__{user_ids: ids} = people when ids.last - ids.first + 1 == members <-
           :erlang.binary_to_term(bytes) do
      people
    else
      {:error, :enoent} ->
        people = make!(instance, members, progress)
        File.write!(file, :erlang.term_to_binary(people))
        people

      %__MODULE__{user_ids: ids} ->
        Mix.raise("#{file} is of a guild of #{Enum.count(ids)} members")
    end
  end

  @doc "Founds the guild and writes its members; calls `progress` with how many there are so far."
  @spec make!(Instance.t(), pos_integer(), (pos_integer() -> term())) :: t()
  def make!(instance, members, progress) do
    {:ok, owner} = User.create(instance, %{username: "owner"})
    {:ok, guild} = Guild.create(instance, %{name: "virtual", owner_id: owner.id})
    role_ids = for n <- 1..@roles, do: role!(instance, guild.id, n)
    :ok = instance |> room(guild.id) |> GenServer.stop()

    # As if they were older than everything else: a row of ids without gaps.
    first_id = div(owner.id, 2)
    user_ids = first_id..(first_id + members - 1)
    people = Stream.flat_map(batches(user_ids), &import!(instance, &1))
    members = Stream.map(people, &member(&1, role_ids))
    {:ok, _added} = Guild.import_members(instance, guild.id, members, progress)

    %__MODULE__{
      guild_id: guild.id,
      channel_id: guild.system_channel_id,
      owner_id: owner.id,
      role_ids: role_ids,
      user_ids: user_ids
    }
  end

  @doc "A user who is no member."
  @spec stranger!(Instance.t()) :: pos_integer()
  def stranger!(instance) do
    {:ok, user} = User.create(instance, %{username: "stranger"})
    user.id
  end

  @doc "The process of a room that runs."
  @spec room(Instance.t(), pos_integer()) :: pid()
  def room(instance, room_id) do
    [{pid, _gate}] =
      instance |> Instance.child(:guild_registry) |> Guildhall.PartitionedRegistry.lookup(room_id)

    pid
  end

  defp role!(instance, guild_id, n) do
    attrs = %{name: "role #{n}", permissions: Permissions.bit(:view_channel)}
    {:ok, role} = Guild.run(instance, guild_id, :operator, {:create_role, attrs})
    role.id
  end

  defp batches(user_ids), do: Stream.chunk_every(user_ids, @batch)

  # Accounts are written a batch ahead of the members.
  defp import!(instance, user_ids) do
    people = for id <- user_ids, do: %Person{id: id, username: "user#{id}"}
    :ok = User.import(instance, people)
    people
  end

  defp member(person, role_ids) do
    role_id = Enum.at(role_ids, rem(person.id, length(role_ids)))
    %Member{user: person, roles: [role_id], joined_at: @joined_at}
  end
end
