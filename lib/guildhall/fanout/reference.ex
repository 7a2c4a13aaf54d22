defmodule Guildhall.Fanout.Reference do
  @moduledoc false

  # The fanout as a value, without processes or nodes: who is subscribed to what, and what everyone has
  # got so far. The oracle of the property test.

  defstruct subscribed: MapSet.new(), got: %{}

  @typep topic :: Guildhall.Fanout.topic()
  @type t :: %__MODULE__{
          subscribed: MapSet.t({pid(), topic()}),
          got: %{optional(pid()) => [term()]}
        }

  @spec subscribe(t(), pid(), topic()) :: t()
  def subscribe(fanout, pid, topic) do
    %{fanout | subscribed: MapSet.put(fanout.subscribed, {pid, topic})}
  end

  @spec unsubscribe(t(), pid(), topic()) :: t()
  def unsubscribe(fanout, pid, topic) do
    %{fanout | subscribed: MapSet.delete(fanout.subscribed, {pid, topic})}
  end

  @doc "A process dies."
  @spec down(t(), pid()) :: t()
  def down(fanout, pid) do
    %{
      fanout
      | subscribed: MapSet.new(for {other, _} = s <- fanout.subscribed, other != pid, do: s)
    }
  end

  @spec publish(t(), topic(), term()) :: t()
  def publish(fanout, topic, message) do
    pids = for {pid, ^topic} <- fanout.subscribed, do: pid
    give(fanout, pids, {topic, message})
  end

  @spec send(t(), [pid()], term()) :: t()
  def send(fanout, pids, message), do: give(fanout, pids, message)

  @doc "What a process has got, in order."
  @spec got(t(), pid()) :: [term()]
  def got(fanout, pid), do: fanout.got |> Map.get(pid, []) |> Enum.reverse()

  defp give(fanout, pids, thing) do
    %{
      fanout
      | got:
          Enum.reduce(pids, fanout.got, &Map.update(&2, &1, [thing], fn got -> [thing | got] end))
    }
  end
end
