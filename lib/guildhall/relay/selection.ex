defmodule Guildhall.Relay.Selection do
  @moduledoc false

  # The sessions that get one kind of event: of one place, for one set of intents and permissions.
  # A list of outboxes, as `Guildhall.Outbox.push_many/2` wants it, beside the list of their seats.
  #
  # It is brought up to date when it is used, not when someone comes or goes, so that a herd of
  # reconnecting sessions costs each selection one pass and not one pass per session.

  import Bitwise

  alias Guildhall.Model.{Guild, Intents}
  alias Guildhall.Outbox
  alias Guildhall.Relay.{Audience, Event, Sight}

  defstruct [
    :place,
    intents: 0,
    permissions: 0,
    split?: false,
    upto: 0,
    left: 0,
    body: {[], []},
    content: {[], []}
  ]

  @type targets :: {[Outbox.t()], [Audience.seat()]}
  @type key ::
          {Sight.class(), intents :: non_neg_integer(), permissions :: non_neg_integer(),
           boolean()}

  @type t :: %__MODULE__{
          place: Sight.place(),
          intents: non_neg_integer(),
          permissions: non_neg_integer(),
          split?: boolean(),
          # Seats from this key on have not been looked at, and departures from this count on.
          upto: non_neg_integer(),
          left: non_neg_integer(),
          body: targets(),
          content: targets()
        }

  @content Intents.bit(:message_content)

  @doc "What events must have in common to go to the same sessions with the same bodies."
  @spec key(Event.t(), Sight.place()) :: key()
  def key(event, place) do
    {Sight.class(place), event.intents, event.permissions, event.content != nil}
  end

  @doc "An empty selection for events like this one."
  @spec new(Event.t(), Sight.place()) :: t()
  def new(event, place) do
    %__MODULE__{
      place: place,
      intents: event.intents,
      permissions: event.permissions,
      split?: event.content != nil
    }
  end

  @doc "Adds those of the seats who belong here."
  @spec add(t(), [Audience.seat()], Guild.t()) :: t()
  def add(selection, seats, guild) do
    {selection, _memo} = Enum.reduce(seats, {selection, %{}}, &consider(&1, &2, guild))
    selection
  end

  defp consider({_key, subscriber} = seat, {selection, memo}, guild) do
    if wants?(subscriber, selection.intents) do
      %{place: place, permissions: permissions} = selection
      {allowed?, memo} = Sight.allowed?(guild, subscriber.member, place, permissions, memo)
      {if(allowed?, do: put(selection, seat), else: selection), memo}
    else
      {selection, memo}
    end
  end

  @doc "Whether the session has one of the intents; 0: none is needed."
  @spec wants?(Guildhall.Relay.Subscriber.t(), non_neg_integer()) :: boolean()
  def wants?(_subscriber, 0), do: true
  def wants?(subscriber, intents), do: (subscriber.intents &&& intents) != 0

  @doc "Whether the session is shown the content of messages."
  @spec content?(Guildhall.Relay.Subscriber.t()) :: boolean()
  def content?(subscriber), do: (subscriber.intents &&& @content) != 0

  defp put(%{split?: true} = selection, {_key, subscriber} = seat) do
    if content?(subscriber),
      do: %{selection | content: cons(selection.content, seat)},
      else: %{selection | body: cons(selection.body, seat)}
  end

  defp put(selection, seat), do: %{selection | body: cons(selection.body, seat)}

  defp cons({outboxes, seats}, {_key, %{outbox: outbox}} = seat) do
    {[outbox | outboxes], [seat | seats]}
  end

  @doc "Keeps the seats for which `keep?` is true."
  @spec filter(t(), (Audience.seat() -> boolean())) :: t()
  def filter(selection, keep?) do
    %{selection | body: keep(selection.body, keep?), content: keep(selection.content, keep?)}
  end

  defp keep({outboxes, seats}, keep?), do: keep(outboxes, seats, keep?, [], [])

  defp keep([], [], _keep?, outboxes, seats), do: {outboxes, seats}

  defp keep([outbox | outboxes], [seat | seats], keep?, kept, kept_seats) do
    if keep?.(seat),
      do: keep(outboxes, seats, keep?, [outbox | kept], [seat | kept_seats]),
      else: keep(outboxes, seats, keep?, kept, kept_seats)
  end
end
