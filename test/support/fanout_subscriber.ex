defmodule Guildhall.FanoutSubscriber do
  @moduledoc false

  # A process that subscribes and keeps what it gets, on any node.

  use GenServer

  alias Guildhall.Fanout

  @doc "Starts one, and a fanout if there is none yet; neither ends with its starter."
  def start(fanout, topics, options \\ []) do
    case Fanout.start_link([name: fanout] ++ options) do
      {:ok, pid} -> Process.unlink(pid)
      {:error, {:already_started, _pid}} -> :ok
    end

    GenServer.start(__MODULE__, {fanout, topics})
  end

  @doc "Messages and events so far, in order."
  def got(pid), do: GenServer.call(pid, :got, 60_000)

  @doc "Waits until it has so many, and returns them."
  def await(pid, count) do
    reach(pid, count)
    got(pid)
  end

  @doc "Waits until it has so many."
  def reach(pid, count), do: :ok = GenServer.call(pid, {:reach, count}, 60_000)

  @impl GenServer
  def init({fanout, topics}) do
    for topic <- topics, do: :ok = Fanout.subscribe(fanout, topic)
    {:ok, %{got: [], count: 0, awaited: nil}}
  end

  @impl GenServer
  def handle_info({Fanout, events}, state), do: {:noreply, answer(take(state, events))}
  def handle_info(message, state), do: {:noreply, answer(take(state, [message]))}

  @impl GenServer
  def handle_call(:got, _from, state), do: {:reply, Enum.reverse(state.got), state}

  def handle_call({:reach, count}, from, state) do
    {:noreply, answer(%{state | awaited: {from, count}})}
  end

  defp take(state, events) do
    %{state | got: Enum.reverse(events, state.got), count: state.count + length(events)}
  end

  defp answer(%{awaited: {from, count}} = state) when state.count >= count do
    GenServer.reply(from, :ok)
    %{state | awaited: nil}
  end

  defp answer(state), do: state
end
