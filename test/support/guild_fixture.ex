defmodule Guildhall.GuildFixture do
  @moduledoc false

  # A node up to its rooms, with users, guilds and sessions whose events can be read.

  import ExUnit.Assertions
  import ExUnit.Callbacks

  alias Guildhall.{Frames, Guild, Outbox, Payload, Relay, Store, User}
  alias Guildhall.Model.{Intents, Presence}
  alias Guildhall.Relay.Subscriber

  @doc "Starts the store, users, relays and rooms of an instance of the caller's own."
  def start(options \\ []) do
    instance = :"guild_#{System.unique_integer([:positive])}"
    {store, options} = Keyword.pop(options, :store, engine: :memory)
    path = Path.join(System.tmp_dir!(), "#{instance}_#{System.os_time()}")
    on_exit(fn -> File.rm_rf!(path) end)
    start_supervised!({Store, Keyword.merge([instance: instance, path: path], store)})
    start_supervised!({User, instance: instance})
    start_supervised!({Relay, instance: instance, count: 2})
    start_supervised!({Guild, [instance: instance] ++ options})
    instance
  end

  @doc "A new user's id."
  def user(instance, name \\ "ada") do
    username = "#{name}#{System.unique_integer([:positive])}"
    {:ok, user} = User.create(instance, %{username: username})
    user.id
  end

  @doc "A new guild, and in it members without roles."
  def guild(instance, owner_id, user_ids \\ []) do
    {:ok, guild} = Guild.create(instance, %{name: "guild", owner_id: owner_id})

    for user_id <- user_ids do
      {:ok, _member} = Guild.run(instance, guild.id, :operator, {:add_member, user_id, %{}})
    end

    guild
  end

  @doc "The id of a guild's first text channel."
  def text_channel(guild) do
    Enum.find_value(guild.channels, fn {id, channel} -> if channel.type == 0, do: id end)
  end

  @doc "A session of the calling process, attached to a room; its first event has not been read."
  def session(instance, room_id, user_id, options \\ []) do
    session_id = "session-#{System.unique_integer([:positive])}"

    subscriber = %Subscriber{
      session_id: session_id,
      pid: self(),
      relay: Relay.for(instance, session_id),
      outbox: Outbox.new(),
      user_id: user_id,
      intents: Keyword.get(options, :intents, Intents.known())
    }

    presence = %Presence{status: Keyword.get(options, :status, :online)}

    :ok =
      Guild.attach(instance, room_id, subscriber, presence, Keyword.get(options, :threshold, 50))

    subscriber
  end

  @doc "The same, after the event that it was attached with."
  def attached(instance, room_id, user_id, options \\ []) do
    session = session(instance, room_id, user_id, options)
    {type, _data} = next(session)
    assert type in ["GUILD_CREATE", "CHANNEL_CREATE"]
    session
  end

  @doc "The session's next event, `{type, data}`."
  def next(%Subscriber{session_id: id} = session) do
    case Process.get({__MODULE__, id}, []) do
      [event | events] ->
        Process.put({__MODULE__, id}, events)
        event

      [] ->
        case read(session) do
          [] -> wait(session)
          events -> Process.put({__MODULE__, id}, events)
        end

        next(session)
    end
  end

  @doc "The data of the session's next event of a type; what comes before it is passed over."
  def await(session, type) do
    case next(session) do
      {^type, data} -> data
      _other -> await(session, type)
    end
  end

  @doc "Everything that the session has been sent so far: a marker of the operator's is waited for."
  def drain(instance, session, room_id, channel_id, poster_id) do
    marker = "marker #{System.unique_integer()}"
    command = {:create_message, channel_id, %{content: marker}}
    {:ok, message} = Guild.run(instance, room_id, poster_id, command)
    until(session, Integer.to_string(message.id), [])
  end

  defp until(session, id, events) do
    case next(session) do
      {"MESSAGE_CREATE", %{"id" => ^id}} -> Enum.reverse(events)
      event -> until(session, id, [event | events])
    end
  end

  # More may come while it is taken.
  defp read(%Subscriber{outbox: outbox} = session) do
    case Outbox.take(outbox, Outbox.Transport.new(:plain), 100_000_000) do
      {:ok, frames, more?} ->
        events = for {:text, json} <- Frames.messages(frames), do: event(json)
        if more?, do: events ++ read(session), else: events

      :empty ->
        []
    end
  end

  defp event(json) do
    {:ok, %{"t" => type, "d" => data}} = Payload.decode(json)
    {type, data}
  end

  defp wait(%Subscriber{session_id: id}) do
    receive do
      {Relay, :wake} -> :ok
      # Its first events are there with it.
      {Relay, :attached, _room_id} -> :ok
    after
      10_000 -> flunk("#{id} got nothing")
    end
  end
end
