defmodule Guildhall.Reaper do
  @moduledoc """
  The thread of this VM that frees what is large of `Guildhall.MemberList`, `Guildhall.OrderedSet`,
  `Guildhall.Audience`, `Guildhall.Permissions`, `Guildhall.HashRing` and `Guildhall.Outbox`.

  What loses its last reference is freed by a garbage collection, on a scheduler. A list of a million
  members would hold that scheduler for many milliseconds, so whatever takes long is handed to a thread of
  its own; memory is back a little later than the VM says. `await/1` waits for it, for those who measure:

      iex> alias Guildhall.{OrderedSet, Reaper}
      iex> {:ok, 100_000} = OrderedSet.put_keys(OrderedSet.new(), Enum.to_list(1..100_000))
      iex> :erlang.garbage_collect()
      iex> Reaper.await()
      :ok

  At most 1,024 values wait; beyond that they are freed where they are, which `stats/0` and `/metrics` count.
  """

  alias Guildhall.Native

  @doc """
  Waits until all is freed that was handed over before.

  `{:error, :busy}` if more waits than may.
  """
  @spec await(timeout()) :: :ok | {:error, :busy | :timeout}
  def await(timeout \\ 5_000) do
    tag = make_ref()

    if Native.reaper_tell(tag) do
      receive do
        {:reaped, ^tag} -> :ok
      after
        timeout -> {:error, :timeout}
      end
    else
      {:error, :busy}
    end
  end

  @doc "Returns how many values wait to be freed, and how many were freed by a scheduler because too many did."
  @spec stats() :: %{waiting: non_neg_integer(), refused: non_neg_integer()}
  def stats do
    {waiting, refused} = Native.reaper_info()
    %{waiting: waiting, refused: refused}
  end
end
