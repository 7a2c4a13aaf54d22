defmodule Guildhall.Relay do
  @schema [
    instance: [type: :atom, required: true, doc: "The node's name."],
    count: [
      type: :pos_integer,
      doc: "How many relays. As many as schedulers are online if it is not given."
    ],
    mailbox_limit: [
      type: :pos_integer,
      default: 10_000,
      doc: "A relay that is further behind leaves out ephemeral events."
    ]
  ]

  alias Guildhall.{Audience, Instance, Options, Outbox, Partitions}
  alias Guildhall.Relay.{Event, Server, Subscriber, View}

  @moduledoc """
  Relays: between the rooms, which decide what happens, and the sessions, which are told.

  A node has a few relays, and each of them a share of the sessions. A room sends one message to
  each relay that has sessions of it. The relay works out who may see the event, pushes it to
  their outboxes and wakes them.

  The functions that change something are for the process of the room: the relay takes the caller
  for the room, ends what it holds of the room when that process dies, and does everything in the
  order in which the room asked for it. None of them waits.

  What a relay sends:

  | to | message | meaning |
  | -- | ------- | ------- |
  | session | `{Guildhall.Relay, :wake}` | something waits in the outbox |
  | session | `{Guildhall.Relay, :attached, room_id}` | the attach events wait in the outbox, if there are any; it is subscribed |
  | session | `{Guildhall.Relay, :removed, room_id}` | it is no longer subscribed |
  | session | `{Guildhall.Relay, :deferred, room_id}` | the attach events of other rooms wait; attach to it again when they are sent |
  | session | `{Guildhall.Relay, :congested, room_id}` | its outbox was full, mostly of the room's events, which were dropped; attach to it again when the client has caught up |
  | session | `{Guildhall.Relay, :overflow}` | too much waits that cannot be dropped; it has been detached everywhere and must end |
  | session | `{Guildhall.Relay, :room_down, room_id}` | the room died; attach to it again |
  | room | `{Guildhall.Relay, :detached, relay, [{session_id, user_id}]}` | sessions that died, were congested or overflowed |
  | room | `{Guildhall.Relay, :refused, room_id, reason}` | it does not fit into an audience; its sessions were told `:room_down`, and it must end |

  A relay that dies loses its subscribers. Their sessions monitor it, and attach to their rooms again
  with the next relay, `for/2`. How relays work is in
  `lib/guildhall/relay/README.md`.
  """

  @type session_id :: String.t()
  @type room_id :: pos_integer()
  @typedoc "In their order, for each channel the event for those who now see it, and for those who no longer do."
  @type channels :: [
          {channel_id :: pos_integer(), created :: Outbox.event() | nil,
           deleted :: Outbox.event() | nil}
        ]

  @doc """
  Starts the relays of an instance.

  #{Options.docs(@schema)}
  """
  @spec start_link(keyword()) :: Supervisor.on_start()
  def start_link(options) do
    options = Options.validate!(options, @schema)
    server = Keyword.take(options, [:instance, :mailbox_limit])

    Partitions.start_link(
      name: name(options[:instance]),
      instance: options[:instance],
      count: options[:count],
      child: &Supervisor.child_spec({Server, [name: &1] ++ server}, id: &1)
    )
  end

  @doc false
  @spec child_spec(keyword()) :: Supervisor.child_spec()
  def child_spec(options) do
    %{id: __MODULE__, start: {__MODULE__, :start_link, [options]}, type: :supervisor}
  end

  @doc "Returns the relay that serves a session; nil while that relay is restarted."
  @spec for(Instance.t(), session_id()) :: pid() | nil
  def for(instance, session_id) when is_binary(session_id) do
    instance |> name() |> Partitions.name(session_id) |> Process.whereis()
  end

  @doc "Returns every relay of the instance."
  @spec all(Instance.t()) :: [pid()]
  def all(instance) do
    for name <- Partitions.names(name(instance)), pid = Process.whereis(name), do: pid
  end

  @doc """
  Tells a relay of a room, or everything about it anew.

  Comes before the first `attach/4` at that relay. Subscribers stay if the room has the same
  process; another process means that the old one is dead.
  """
  @spec open(pid(), room_id(), View.t()) :: :ok
  def open(relay, room_id, %View{} = view), do: Server.run(relay, {:open, self(), room_id, view})

  @doc "Pushes the events (GUILD_CREATE) to a session alone, and subscribes it from then on."
  @spec attach(pid(), room_id(), Subscriber.t(), [Outbox.event()]) :: :ok
  def attach(relay, room_id, %Subscriber{} = subscriber, events) when is_list(events) do
    Server.run(relay, {:attach, self(), room_id, subscriber, events})
  end

  @doc """
  Pushes an event to those who may see it, or several, which leave in one write.

  Of several either all or none are ephemeral.
  """
  @spec publish([pid()], room_id(), Event.t() | [Event.t(), ...]) :: :ok
  def publish(relays, room_id, event) when is_list(relays) do
    Enum.each(relays, &Server.run(&1, {:publish, self(), room_id, List.wrap(event)}))
  end

  @doc """
  Changes who sees what, and tells the sessions.

  Those who gain a channel of `channels` get its created event, those who lose it the deleted one, in
  the order of the list. Then the events go to those who may see them; an event to a channel of `channels` only to those
  who saw it before, too.
  """
  @spec change([pid()], room_id(), [View.change()], channels(), [Event.t()]) :: :ok
  def change(relays, room_id, changes, channels, events)
      when is_list(relays) and is_list(changes) and is_list(channels) and is_list(events) do
    command = {:change, self(), room_id, changes, channels, events}
    Enum.each(relays, &Server.run(&1, command))
  end

  @doc "Pushes the event (GUILD_DELETE) to the sessions of a user and unsubscribes them."
  @spec remove([pid()], room_id(), user_id :: pos_integer(), Outbox.event()) :: :ok
  def remove(relays, room_id, user_id, event) when is_list(relays) do
    Enum.each(relays, &Server.run(&1, {:remove, self(), room_id, user_id, event}))
  end

  @doc "Unsubscribes a session and tells nobody."
  @spec detach(pid(), room_id(), session_id()) :: :ok
  def detach(relay, room_id, session_id) do
    Server.run(relay, {:detach, self(), room_id, session_id})
  end

  @doc """
  Lets a session follow topics of the room, in the place of those that it follows.

  An event `to: {:topic, topic}` goes to the followers, whatever they may see: the room knows what it
  lets them follow. A topic is a binary of at most 64 bytes; a session follows at most 64 in a room, and
  nothing when it is attached anew.
  """
  @spec follow(pid(), room_id(), session_id(), [Audience.topic()]) :: :ok
  def follow(relay, room_id, session_id, topics) when is_list(topics) do
    Server.run(relay, {:follow, self(), room_id, session_id, topics})
  end

  defp name(instance), do: Instance.child(instance, :relays)
end
