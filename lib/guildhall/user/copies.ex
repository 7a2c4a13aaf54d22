defmodule Guildhall.User.Copies do
  @moduledoc false

  # Users whose copies in guilds are older than their accounts: a row for each, which is written together
  # with the account and deleted when the copies are up to date. A user who changes again meanwhile gets
  # another mark, and stays.
  #
  # [format] The row is in `:settings`, partition "copies", key <<user_id::64>>, value <<1, mark::64>>.

  alias Guildhall.{Instance, Store}

  @partition "copies"

  @type mark :: binary()

  @spec op(user_id :: pos_integer()) :: Store.op()
  def op(user_id) do
    mark = <<1, :crypto.strong_rand_bytes(8)::binary>>
    {:put, :settings, @partition, <<user_id::64>>, mark}
  end

  @doc "Up to `limit` of these users with greater ids, in order of their ids."
  @spec list(Instance.t(), after_id :: non_neg_integer(), limit :: pos_integer()) ::
          {:ok, [{user_id :: pos_integer(), mark()}]} | {:error, :unavailable}
  def list(instance, after_id, limit) do
    bounds = [after: <<after_id::64>>, limit: limit]

    with {:ok, rows} <- Store.scan(instance, :settings, @partition, bounds),
         do: {:ok, for({<<user_id::64>>, mark} <- rows, do: {user_id, mark})}
  end

  @doc "The copies are as the account was at this mark; `:conflict` if it has changed since."
  @spec delete(Instance.t(), user_id :: pos_integer(), mark()) ::
          :ok | {:error, Store.write_error()}
  def delete(instance, user_id, mark) do
    Store.write(instance, [{:delete_if, :settings, @partition, <<user_id::64>>, mark}])
  end
end
