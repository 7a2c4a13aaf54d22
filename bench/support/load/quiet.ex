defmodule Bench.Load.Quiet do
  @moduledoc false

  # Waiting until a herd and its relays have done all there is to do.

  alias Bench.Load.{Herd, Rounds}

  # How long nothing may move before everything is said to be done, in ms.
  @quiet 200

  @doc "Waits until no relay and no session has done anything for a while, and returns when that began."
  @spec wait(Herd.t(), Rounds.t()) :: milliseconds :: integer()
  def wait(herd, rounds), do: wait(herd, rounds, nil, now())

  defp wait(herd, rounds, last, since) do
    state =
      {Herd.takes(herd), Rounds.read(rounds).rounds, :erlang.statistics(:total_run_queue_lengths)}

    cond do
      state != last or elem(state, 2) > 0 ->
        Process.sleep(10)
        wait(herd, rounds, state, now())

      now() - since < @quiet ->
        Process.sleep(10)
        wait(herd, rounds, last, since)

      true ->
        since
    end
  end

  @doc "Runs `fun` and waits; returns what the whole VM spent a delivery, and how long it took, in ms."
  @spec spent(Herd.t(), Rounds.t(), (() -> term())) ::
          %{deliveries: non_neg_integer(), us: float(), ms: integer(), relays: float()}
  def spent(herd, rounds, fun) do
    before = Rounds.read(rounds)
    cpu = cpu()
    start = now()
    fun.()
    moved = wait(herd, rounds)
    cpu = cpu() - cpu
    done = Rounds.read(rounds)
    deliveries = done.deliveries - before.deliveries

    %{
      deliveries: deliveries,
      us: cpu / max(deliveries, 1) * 1.0e6,
      ms: moved - start,
      relays: done.duration - before.duration
    }
  end

  @doc "Seconds of all threads of the VM."
  @spec cpu() :: float()
  def cpu do
    {milliseconds, _since} = :erlang.statistics(:runtime)
    milliseconds / 1.0e3
  end

  defp now, do: System.monotonic_time(:millisecond)
end
