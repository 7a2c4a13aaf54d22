defmodule Guildhall.Guild.Ids do
  @moduledoc false

  # Fresh ids, as an answer: a store that can not write runs out of them.

  alias Guildhall.Store

  @spec next(Guildhall.Instance.t()) :: {:ok, pos_integer()} | {:error, atom()}
  def next(instance) do
    {:ok, Store.next_id(instance)}
  catch
    :exit, {:no_ids, reason} -> {:error, reason}
  end

  @doc "Several at once."
  @spec next(Guildhall.Instance.t(), pos_integer()) :: {:ok, [pos_integer()]} | {:error, atom()}
  def next(instance, count) do
    Enum.reduce_while(1..count, {:ok, []}, fn _nth, {:ok, ids} ->
      case next(instance) do
        {:ok, id} -> {:cont, {:ok, ids ++ [id]}}
        {:error, reason} -> {:halt, {:error, reason}}
      end
    end)
  end
end
