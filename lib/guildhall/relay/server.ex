defmodule Guildhall.Relay.Server do
  @moduledoc false

  # The process around `Guildhall.Relay.State`: it works in rounds, each of which handles
  # everything that waits, up to a bound, before it wakes anyone.
  #
  #   owns      one `State`, monitors of its rooms and sessions
  #   started   by `Guildhall.Relay`, one per scheduler
  #   a crash   loses the subscribers; their sessions monitor the relay and end
  #   mailbox   off heap; beyond `mailbox_limit` ephemeral events are left out

  use GenServer

  alias Guildhall.Relay.{Round, State}

  # A round is short enough that the first event of it does not wait long for its wake.
  @max_commands 1_000
  @max_load 400_000

  @enforce_keys [:instance, :mailbox_limit, :state]
  defstruct @enforce_keys

  @spec start_link(keyword()) :: GenServer.on_start()
  def start_link(options), do: GenServer.start_link(__MODULE__, options)

  @doc "Hands the relay a command. The order of one caller's commands is kept."
  @spec run(pid(), State.command()) :: :ok
  def run(relay, command) do
    send(relay, {__MODULE__, command})
    :ok
  end

  @impl GenServer
  def init(options) do
    Process.flag(:message_queue_data, :off_heap)
    {:ok, struct!(__MODULE__, [state: State.new()] ++ options)}
  end

  @impl GenServer
  def handle_info({__MODULE__, command}, server), do: {:noreply, round(server, command)}

  def handle_info({:DOWN, _ref, :process, pid, reason}, server) do
    {:noreply, round(server, {:down, pid, reason})}
  end

  defp round(server, command) do
    {:message_queue_len, waiting} = Process.info(self(), :message_queue_len)
    round = Round.new(waiting, waiting > server.mailbox_limit)
    {state, round} = server.state |> drain(round, command) |> cut_off()
    Round.finish(round, server.instance)
    %{server | state: state}
  end

  defp drain(state, round, command) do
    {state, round} = step(state, round, command)

    if round.commands < @max_commands and round.load < @max_load do
      receive do
        {__MODULE__, command} -> drain(state, round, command)
        {:DOWN, _ref, :process, pid, reason} -> drain(state, round, {:down, pid, reason})
      after
        0 -> {state, round}
      end
    else
      {state, round}
    end
  end

  defp step(state, %Round{shed?: true} = round, {:publish, _room, _room_id, %{ephemeral: true}}) do
    {state, Round.drop(round)}
  end

  defp step(state, round, command) do
    {state, effects} = State.apply(state, command)
    {state, Round.perform(round, effects)}
  end

  # What overflowed has been pushed to in vain for the rest of a round, which does no harm.
  defp cut_off({state, round}) do
    case Round.flush(round) do
      {[], round} -> {state, round}
      {keys, round} -> state |> step(round, {:overflow, keys}) |> cut_off()
    end
  end
end
