defmodule Guildhall.Guild.Importing do
  @moduledoc false

  # Members by the million, straight into the store, for a guild whose room does not run.
  #
  # The importer takes the room's name while it works, so that no room can start beside it, and its
  # lease, so that nothing of an earlier one is under way. Each batch brings the number of members
  # up to date, so an import that stops in the middle leaves a sound guild.

  alias Guildhall.Guild.{Directory, Keys, Loader, Rooms}
  alias Guildhall.Model.Member
  alias Guildhall.{Store, User}

  @batch 2_000

  @spec run(Guildhall.Instance.t(), pos_integer(), Enumerable.t(), (non_neg_integer() -> term())) ::
          {:ok, added :: non_neg_integer()} | {:error, :running | atom()}
  def run(instance, guild_id, members, progress) do
    task =
      Task.async(fn ->
        with :ok <- Rooms.occupy(instance, guild_id) do
          import_all(instance, guild_id, members, progress)
        end
      end)

    Task.await(task, :infinity)
  end

  defp import_all(instance, guild_id, members, progress) do
    with {:ok, _epoch} <- Store.acquire(instance, "room" <> <<guild_id::64>>),
         {:ok, guild} <- Loader.load(instance, guild_id) do
      members
      |> Stream.chunk_every(@batch)
      |> Enum.reduce_while({:ok, 0}, fn batch, {:ok, added} ->
        case import_batch(instance, guild_id, batch, guild.member_count + added) do
          {:ok, new} ->
            progress.(added + new)
            {:cont, {:ok, added + new}}

          {:error, reason} ->
            {:halt, {:error, reason}}
        end
      end)
    end
  end

  # Who is a member already stays as he is.
  defp import_batch(instance, guild_id, batch, count) do
    batch = Enum.uniq_by(batch, & &1.user.id)
    keys = for %Member{user: %{id: id}} <- batch, do: {Keys.members(guild_id, id), Keys.id(id)}

    with {:ok, rows} <- Store.get_many(instance, :members, keys),
         new = for({member, nil} <- Enum.zip(batch, rows), do: member),
         ops = Enum.flat_map(new, &ops(guild_id, &1)),
         count = Directory.count_op(guild_id, count + length(new)),
         :ok <- Store.write(instance, [count | ops]) do
      {:ok, length(new)}
    end
  end

  defp ops(guild_id, %Member{user: %{id: user_id}} = member) do
    Directory.put_ops(guild_id, nil, member) ++ User.member_ops(user_id, guild_id, :join)
  end
end
