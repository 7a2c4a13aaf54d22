defmodule Guildhall.Seed do
  @moduledoc false

  # The demo guild: made at the first start on a data folder, found again at every other. A start that
  # was killed while making it begins anew: it counts as made when its last row is written.

  alias Guildhall.{Guild, Instance, Store, User}
  alias Guildhall.Model.{Intents, Member}
  alias Guildhall.Permissions
  alias Guildhall.Model.User, as: Person

  @enforce_keys [:guild_id, :channel_id, :user_id, :bot_ids, :members]
  defstruct @enforce_keys ++ [:user_token, bot_tokens: []]

  @type t :: %__MODULE__{
          guild_id: pos_integer(),
          channel_id: pos_integer(),
          user_id: pos_integer(),
          bot_ids: [pos_integer()],
          members: pos_integer(),
          user_token: String.t() | nil,
          bot_tokens: [String.t()]
        }

  @version 1
  @batch 2_000
  @created_at 1_704_067_200_000

  @doc """
  Returns the demo guild, made with as many `:members` if there is none yet.

  `:progress` is called with how many members are done and how many there will be.
  """
  @spec run(Instance.t(), members: pos_integer(), progress: (integer(), integer() -> term())) ::
          {:ok, t()} | {:error, term()}
  def run(instance, options) do
    with {:ok, seed} <- found(instance) || make(instance, options),
         {:ok, user_token} <- User.token(instance, seed.user_id),
         {:ok, bot_tokens} <- tokens(instance, seed.bot_ids) do
      {:ok, %{seed | user_token: user_token, bot_tokens: bot_tokens}}
    end
  end

  defp found(instance) do
    case Store.get(instance, :settings, "demo", "seed") do
      {:ok, <<@version, row::binary>>} ->
        recount(instance, struct!(__MODULE__, :erlang.binary_to_term(row)))

      :none ->
        nil

      {:error, reason} ->
        {:error, reason}
    end
  end

  # Members may have come and gone since.
  defp recount(instance, seed) do
    with {:ok, %{members: members}} <- Guild.run(instance, seed.guild_id, :operator, {:counts}) do
      {:ok, %{seed | members: members}}
    end
  end

  defp make(instance, options) do
    with {:ok, person} <- User.create(instance, %{username: "ada", global_name: "Ada"}),
         {:ok, bots} <- bots(instance, person),
         {:ok, guild} <- Guild.create(instance, %{name: "Guildhall", owner_id: person.id}),
         {:ok, _added} <- import_members(instance, guild.id, bots, options),
         :ok <- trust(instance, guild.id, bots),
         {:ok, %{members: members}} <- Guild.run(instance, guild.id, :operator, {:counts}) do
      remember(instance, %__MODULE__{
        guild_id: guild.id,
        channel_id: guild.system_channel_id,
        user_id: person.id,
        bot_ids: Enum.map(bots, & &1.id),
        members: members
      })
    end
  end

  defp bots(instance, person) do
    collect(["bot-a", "bot-b"], fn name ->
      attrs = %{username: name, owner_id: person.id, intents: Intents.privileged()}
      with {:ok, bot, _application} <- User.create_bot(instance, attrs), do: {:ok, bot}
    end)
  end

  # The owner and the bots are members as well. Accounts are written a batch ahead of the members.
  defp import_members(instance, guild_id, bots, options) do
    all = options[:members]
    progress = options[:progress]
    others = all - length(bots) - 1

    people =
      1..others//1
      |> Stream.chunk_every(@batch)
      |> Stream.flat_map(fn numbers ->
        {:ok, ids} = Store.next_ids(instance, length(numbers))
        people = Enum.zip_with(numbers, ids, &%Person{id: &2, username: name(&1)})
        :ok = User.import(instance, people)
        people
      end)

    members =
      bots
      |> Stream.concat(people)
      |> Stream.with_index()
      |> Stream.map(fn {user, n} -> %Member{user: user, joined_at: @created_at + n} end)

    Guild.import_members(instance, guild_id, members, fn added ->
      if rem(added, 50 * @batch) == 0, do: progress.(added, all)
    end)
  end

  defp name(n), do: "user" <> String.pad_leading("#{n}", 7, "0")

  defp trust(instance, guild_id, bots) do
    attrs = %{name: "bots", permissions: Permissions.bit(:administrator), hoist: true}

    with {:ok, role} <- Guild.run(instance, guild_id, :operator, {:create_role, attrs}),
         {:ok, _members} <-
           collect(bots, &Guild.run(instance, guild_id, :operator, {:add_role, &1.id, role.id})) do
      :ok
    end
  end

  defp remember(instance, seed) do
    row = seed |> Map.from_struct() |> Map.drop([:user_token, :bot_tokens])
    row = <<@version, :erlang.term_to_binary(row)::binary>>
    with :ok <- Store.write(instance, [{:put, :settings, "demo", "seed", row}]), do: {:ok, seed}
  end

  defp tokens(instance, ids), do: collect(ids, &User.token(instance, &1))

  defp collect(list, fun) do
    Enum.reduce_while(list, {:ok, []}, fn item, {:ok, done} ->
      case fun.(item) do
        {:ok, value} -> {:cont, {:ok, done ++ [value]}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end
end
