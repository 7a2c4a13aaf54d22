defmodule Guildhall.Guild.Background do
  @moduledoc false

  # Work that may have to wait, in a process beside the room's. The room gets its result in one message,
  # `{:DOWN, reference, :process, pid, reason}`, also if the work crashes.

  @doc "Runs the function. Returns the reference of the message with its result."
  @spec run((() -> term())) :: reference()
  def run(fun) do
    {_pid, reference} = spawn_monitor(fn -> exit({:done, fun.()}) end)
    reference
  end

  @doc "What the function returned, as the reason of the message tells."
  @spec result(reason :: term()) :: term()
  def result({:done, result}), do: result
  def result(_crash), do: {:error, :unavailable}
end
