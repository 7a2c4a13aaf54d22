defmodule Guildhall.Redteam.Bystander do
  @moduledoc false

  # A client that does no harm and reads at full speed. It checks that the sequence numbers of its
  # session have no gap, and remembers which messages of the home channel it saw.
  #
  # A session that ends is reported and followed by another. While the home guild is unavailable,
  # messages may be missed: those up to the channel's last message in the next GUILD_CREATE are
  # *excused*, since a client fetches them from the history.

  use GenServer

  alias Guildhall.{HttpClient, Payload}
  alias Guildhall.Redteam.{Frames, Http, Tally}

  @beat 20_000
  # GUILDS, GUILD_VOICE_STATES, GUILD_MESSAGES, MESSAGE_CONTENT
  @intents 0x8281

  @enforce_keys [:world, :user, :parent]
  defstruct @enforce_keys ++
              [
                :socket,
                :session_id,
                frames: %Frames{},
                sequence: 0,
                home?: false,
                last_id: 0,
                gap: nil,
                seen: [],
                excused: [],
                sessions: 0
              ]

  def start_link(world, user) do
    GenServer.start_link(__MODULE__, %__MODULE__{world: world, user: user, parent: self()})
  end

  @doc "From now on the client reports to this tally."
  def begin(pid, tally), do: GenServer.call(pid, {:begin, tally})

  @doc "Returns what the client saw: message ids, the oldest first, and the ranges that are excused."
  def record(pid), do: GenServer.call(pid, :record, 30_000)

  @doc "Returns the id of the current session, and of the last message that came."
  def now(pid), do: GenServer.call(pid, :now, 30_000)

  @impl GenServer
  def init(state), do: {:ok, state, {:continue, :connect}}

  @impl GenServer
  def handle_continue(:connect, state), do: {:noreply, connect(state)}

  @impl GenServer
  def handle_call({:begin, tally}, _from, state) do
    {:reply, :ok, %{state | world: %{state.world | tally: tally}}}
  end

  def handle_call(:record, _from, state) do
    record = %{
      number: state.user.number,
      seen: Enum.reverse(state.seen),
      excused: state.excused,
      gap: state.gap,
      sessions: state.sessions
    }

    {:reply, record, state}
  end

  def handle_call(:now, _from, state) do
    {:reply, {state.user.number, state.session_id, state.last_id}, state}
  end

  @impl GenServer
  def handle_info({:tcp, socket, data}, %{socket: socket} = state) do
    {whole, frames} = Frames.put(state.frames, data)
    {:noreply, Enum.reduce(whole, %{state | frames: frames}, &frame/2)}
  end

  def handle_info({:tcp_closed, socket}, %{socket: socket} = state),
    do: {:noreply, ended(state, :closed)}

  def handle_info({:tcp_error, socket, reason}, %{socket: socket} = state),
    do: {:noreply, ended(state, reason)}

  def handle_info(:connect, state), do: {:noreply, connect(state)}

  def handle_info({:beat, socket}, %{socket: socket} = state) do
    Process.send_after(self(), {:beat, socket}, @beat)
    {:noreply, put(state, 1, state.sequence)}
  end

  # Of a connection that has ended.
  def handle_info(_late, state), do: {:noreply, state}

  defp connect(%{user: %{number: n, token: token}} = state) do
    options = [ip: {127, 1, div(n, 200), rem(n, 200) + 1}, recbuf: 131_072]

    client =
      state.world.node.port |> HttpClient.connect(options) |> HttpClient.websocket("/?v=10")

    :ok = :inet.setopts(client.socket, active: true)
    Process.send_after(self(), {:beat, client.socket}, @beat)
    state = %{state | socket: client.socket, frames: %Frames{}, sequence: 0, session_id: nil}
    state = put(state, 2, %{token: token, intents: @intents, properties: %{}})
    send(self(), {:tcp, client.socket, client.buffer})
    state
  rescue
    error in MatchError ->
      Tally.count(state.world.tally, :reconnect, Http.reason(error.term))
      later(state)
  end

  defp later(state) do
    Process.send_after(self(), :connect, 250 + :rand.uniform(500))
    %{state | socket: nil}
  end

  defp put(state, op, data) do
    frame = HttpClient.frame(:text, Payload.encode!(%{op: op, d: data}))
    # An error is followed by `tcp_closed`.
    _result = :gen_tcp.send(state.socket, frame)
    state
  end

  defp frame(_frame, %{socket: nil} = state), do: state

  defp frame({:text, text}, state) do
    case Frames.head(text) do
      {s, type} ->
        state = check(state, s, type)
        if relevant?(type, text, state.world), do: read(text, type, state), else: state

      nil ->
        read(text, state)
    end
  end

  defp frame({:close, <<code::16, _reason::binary>>}, state), do: ended(state, code)
  defp frame(_other, state), do: state

  defp check(%{sequence: last} = state, s, _type) when s == last + 1, do: %{state | sequence: s}

  defp check(state, s, type) do
    fault(state, {:sequence, state.sequence, s, type})
    %{state | sequence: s}
  end

  # To decode megabytes of other guilds would take the processor from all the others.
  defp relevant?("READY", _text, _world), do: true
  defp relevant?("MESSAGE_CREATE", text, world), do: has?(text, world.home.channels["harbour"])
  defp relevant?("GUILD_" <> _kind, text, world), do: has?(text, world.home.id)
  defp relevant?(_type, _text, _world), do: false

  defp has?(text, id), do: :binary.match(text, ~s("#{id}")) != :nomatch

  defp read(text, type, state), do: event(state, type, Payload.decode!(text)["d"])

  defp read(text, state) do
    case Payload.decode!(text) do
      %{"op" => 9} -> ended(state, :op9)
      %{"op" => op} when op != 0 -> state
    end
  end

  defp event(state, "READY", data) do
    Tally.note(state.world.tally, :began, data["session_id"])
    %{state | session_id: data["session_id"], sessions: state.sessions + 1}
  end

  defp event(%{world: %{home: home}} = state, "GUILD_CREATE", %{"id" => id} = guild) do
    if id == home.id, do: arrived(state, guild), else: state
  end

  defp event(%{world: %{home: home}} = state, "GUILD_DELETE", %{"id" => id} = guild) do
    if id == home.id do
      Tally.note(state.world.tally, :unavailable, {state.user.number, guild["unavailable"]})
      away(state)
    else
      state
    end
  end

  defp event(state, "MESSAGE_CREATE", %{"channel_id" => channel} = message) do
    if channel == state.world.home.channels["harbour"] and bystander?(message),
      do: message(state, message),
      else: state
  end

  defp event(state, _type, _data), do: state

  defp bystander?(message), do: String.starts_with?(message["content"], "number ")

  defp message(state, message) do
    id = String.to_integer(message["id"])
    if id <= state.last_id, do: fault(state, {:order, state.last_id, id})
    if state.gap, do: fault(state, {:message_while_unavailable, id})
    %{state | last_id: id, seen: [id | state.seen]}
  end

  # The guild is there (again): what its channel holds now, a client can fetch.
  defp arrived(state, guild) do
    channel = state.world.home.channels["harbour"]
    last = Enum.find(guild["channels"], &(&1["id"] == channel))["last_message_id"]
    last = if last, do: String.to_integer(last), else: 0
    unless state.home?, do: send(state.parent, {:ready, state.user.number})
    excused = if state.gap, do: [{state.gap, last} | state.excused], else: state.excused
    %{state | home?: true, gap: nil, excused: excused, last_id: max(state.last_id, last)}
  end

  defp away(%{gap: nil, home?: true} = state), do: %{state | gap: state.last_id}
  defp away(state), do: state

  defp ended(state, reason) do
    :gen_tcp.close(state.socket)

    if state.session_id,
      do: Tally.note(state.world.tally, :ended, {state.user.number, state.session_id, reason}),
      else: Tally.count(state.world.tally, :reconnect, reason)

    state |> away() |> later()
  end

  defp fault(state, fact), do: Tally.note(state.world.tally, :fault, {state.user.number, fact})
end
