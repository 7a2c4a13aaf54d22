defmodule Guildhall.Background do
  @moduledoc """
  Work that may have to wait, in a process beside the caller's.

  The caller gets the result in one message, `{:DOWN, reference, :process, pid, reason}`, also if the work
  crashes:

      iex> reference = Guildhall.Background.run(fn -> {:ok, 1 + 1} end)
      iex> receive do
      ...>   {:DOWN, ^reference, :process, _pid, reason} -> Guildhall.Background.result(reason)
      ...> end
      {:ok, 2}
  """

  @doc "Runs the function. Returns the reference of the message with its result."
  @spec run((() -> term())) :: reference()
  def run(fun) do
    {_pid, reference} = spawn_monitor(__MODULE__, :work, [fun])
    reference
  end

  @doc false
  @spec work((() -> term())) :: no_return()
  def work(fun), do: exit({:done, fun.()})

  @doc "Returns what the function returned, by the reason of the message; an error if it crashed."
  @spec result(reason :: term()) :: term() | {:error, :unavailable}
  def result({:done, result}), do: result
  def result(_crash), do: {:error, :unavailable}
end
