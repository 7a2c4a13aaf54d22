defmodule Guildhall.User.Index do
  @moduledoc false

  # Which guilds and direct message channels a user is in.

  alias Guildhall.{Instance, Store}

  # Most are in few, and few are read in one go with what others want; then as many as the store reads
  # at once.
  @first 64
  @page 10_000

  @type id :: pos_integer()

  @spec member_ops(id(), guild_id :: id(), :join | :leave) :: [Store.op()]
  def member_ops(user_id, guild_id, :join) do
    [{:put, :user_guilds, <<user_id::64>>, <<guild_id::64>>, ""}]
  end

  def member_ops(user_id, guild_id, :leave) do
    [{:delete, :user_guilds, <<user_id::64>>, <<guild_id::64>>}]
  end

  @spec guilds(Instance.t(), id()) :: {:ok, [id()]} | {:error, :unavailable}
  def guilds(instance, user_id) do
    with {:ok, rows} <- scan(instance, :user_guilds, user_id),
         do: {:ok, for({<<guild_id::64>>, _row} <- rows, do: guild_id)}
  end

  @spec channels(Instance.t(), id()) :: {:ok, [id()]} | {:error, :unavailable}
  def channels(instance, user_id) do
    with {:ok, rows} <- scan(instance, :user_channels, user_id),
         do: {:ok, for({"dm" <> _recipient, <<channel_id::64>>} <- rows, do: channel_id)}
  end

  defp scan(instance, table, user_id, limit \\ @first, bounds \\ []) do
    with {:ok, rows} <- Store.scan(instance, table, <<user_id::64>>, [limit: limit] ++ bounds) do
      if length(rows) < limit do
        {:ok, rows}
      else
        {last, _row} = List.last(rows)

        with {:ok, more} <- scan(instance, table, user_id, @page, after: last),
             do: {:ok, rows ++ more}
      end
    end
  end
end
