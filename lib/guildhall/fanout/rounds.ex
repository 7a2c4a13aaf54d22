defmodule Guildhall.Fanout.Rounds do
  @moduledoc """
  A process that works in rounds: it handles everything that waits in its mailbox, up to a bound of
  its own, before it says anything to anyone.

  Under load rounds grow by themselves, and what is done once a round (a wake per subscriber, one
  message per node) gets cheaper the more there is to do.

      defmodule Counter do
        @behaviour Guildhall.Fanout.Rounds

        @impl true
        def init(reader), do: %{reader: reader, count: 0, waiting: 0}

        @impl true
        def begin(counter, waiting), do: %{counter | waiting: waiting}

        @impl true
        def handle(counter, {:add, n}), do: {:more, %{counter | count: counter.count + n}}

        @impl true
        def finish(counter) do
          send(counter.reader, {:count, counter.count})
          counter
        end
      end

      {:ok, counter} = Guildhall.Fanout.Rounds.start_link(Counter, self())
      for n <- 1..1_000, do: Guildhall.Fanout.Rounds.cast(counter, {:add, n})

  The reader gets few messages, not a thousand. Messages are handled in the order in which they came,
  and the mailbox is kept off the heap.

  What comes is an item: what was cast, `{:call, from, request}` for a `GenServer.call/2`, which
  `GenServer.reply/2` answers, and `{:down, pid, reason}` for a process that was monitored.
  """

  use GenServer

  @type state :: term()
  @type item :: term()

  @doc "Returns the state to begin with."
  @callback init(argument :: term()) :: state()
  @doc "Begins a round, with so many messages in the mailbox."
  @callback begin(state(), waiting :: non_neg_integer()) :: state()
  @doc "Handles one item, and says whether the round may go on."
  @callback handle(state(), item()) :: {:more | :enough, state()}
  @doc "Ends a round."
  @callback finish(state()) :: state()

  @doc "Starts a process around a module with these callbacks. The options are those of `GenServer`."
  @spec start_link(module(), argument :: term(), GenServer.options()) :: GenServer.on_start()
  def start_link(module, argument, options \\ []) do
    GenServer.start_link(__MODULE__, {module, argument}, options)
  end

  @doc "Sends the process an item. The order of one sender's items is kept."
  @spec cast(pid(), item()) :: :ok
  def cast(pid, item) do
    send(pid, message(item))
    :ok
  end

  @doc "Returns the message that is an item, for those who send it in another way."
  @spec message(item()) :: term()
  def message(item), do: {__MODULE__, item}

  @impl GenServer
  def init({module, argument}) do
    Process.flag(:message_queue_data, :off_heap)
    {:ok, {module, module.init(argument)}}
  end

  @impl GenServer
  def handle_info({__MODULE__, item}, server), do: {:noreply, round(server, item)}

  def handle_info({:DOWN, _ref, :process, pid, reason}, server) do
    {:noreply, round(server, {:down, pid, reason})}
  end

  # What nobody asked for, as a reply that came too late.
  def handle_info(_message, server), do: {:noreply, server}

  @impl GenServer
  def handle_call(request, from, server), do: {:noreply, round(server, {:call, from, request})}

  defp round({module, state}, item) do
    {:message_queue_len, waiting} = Process.info(self(), :message_queue_len)
    state = module.begin(state, waiting)
    {module, module.finish(drain(module, state, item))}
  end

  # Takes every kind of message that may be there, so that the first one always matches.
  defp drain(module, state, item) do
    case module.handle(state, item) do
      {:more, state} ->
        receive do
          {__MODULE__, item} -> drain(module, state, item)
          {:DOWN, _ref, :process, pid, reason} -> drain(module, state, {:down, pid, reason})
          {:"$gen_call", from, request} -> drain(module, state, {:call, from, request})
        after
          0 -> state
        end

      {:enough, state} ->
        state
    end
  end
end
