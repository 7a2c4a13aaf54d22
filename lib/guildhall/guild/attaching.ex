defmodule Guildhall.Guild.Attaching do
  @moduledoc false

  # Sessions that wait to be attached to a room, as a value: those whose turn comes, those for which rows
  # must be read first, and those for which rows are being read.
  #
  # To attach a session takes long, since it is sent the whole guild, so it is done in *turns* between
  # other messages. A turn takes as long as everything else took since the last one, within bounds:
  # a herd that comes holds up commands no longer than commands hold up the herd.

  alias Guildhall.Guild.Reception
  alias Guildhall.Model.Presence

  # Of a turn, in microseconds.
  @shortest 5_000
  @longest 50_000
  # How often rows are read for a session: those that change all the time are given up.
  @tries 3

  defstruct entries: %{}, turn: :queue.new(), lacking: [], due?: false, rested_at: nil

  @type entry :: {Reception.attach(), tries :: non_neg_integer()}
  @type t :: %__MODULE__{
          entries: %{optional(session_id :: String.t()) => entry()},
          turn: :queue.queue(String.t()),
          lacking: [String.t()],
          # Whether a message that begins a turn is on its way.
          due?: boolean(),
          # When the last turn ended, in microseconds.
          rested_at: integer() | nil
        }

  @doc "Adds a session, or puts its command in the place of the one that waits; says which."
  @spec put(t(), String.t(), Reception.attach()) :: {:new | :replaced, t()}
  def put(%__MODULE__{entries: entries} = attaching, session_id, command) do
    case entries do
      %{^session_id => {_command, tries}} ->
        {:replaced, %{attaching | entries: Map.put(entries, session_id, {command, tries})}}

      %{} ->
        entries = Map.put(entries, session_id, {command, 0})
        {:new, %{attaching | entries: entries, turn: :queue.in(session_id, attaching.turn)}}
    end
  end

  @doc "The user of a session that waits is another way now."
  @spec present(t(), String.t(), Presence.t()) :: t()
  def present(%__MODULE__{entries: entries} = attaching, session_id, presence) do
    case entries do
      %{^session_id => {command, tries}} ->
        entries = Map.put(entries, session_id, {put_elem(command, 2, presence), tries})
        %{attaching | entries: entries}

      %{} ->
        attaching
    end
  end

  @doc "How long a turn may take that begins now."
  @spec length(t(), now :: integer()) :: pos_integer()
  def length(%__MODULE__{rested_at: nil}, _now), do: @longest

  def length(%__MODULE__{rested_at: at}, now),
    do: now |> Kernel.-(at) |> max(@shortest) |> min(@longest)

  @doc "Takes the session whose turn it is."
  @spec next(t()) :: {:ok, String.t(), Reception.attach(), t()} | :none
  def next(%__MODULE__{turn: turn} = attaching) do
    case :queue.out(turn) do
      {{:value, session_id}, turn} ->
        {command, _tries} = Map.fetch!(attaching.entries, session_id)
        {:ok, session_id, command, %{attaching | turn: turn}}

      {:empty, _turn} ->
        :none
    end
  end

  @doc "A session is attached, or refused."
  @spec done(t(), String.t()) :: t()
  def done(%__MODULE__{entries: entries} = attaching, session_id) do
    %{attaching | entries: Map.delete(entries, session_id)}
  end

  @doc "Rows must be read for a session, unless that was in vain too often."
  @spec lack(t(), String.t()) :: {:ok, t()} | :error
  def lack(%__MODULE__{entries: entries} = attaching, session_id) do
    case Map.fetch!(entries, session_id) do
      {_command, @tries} ->
        :error

      {command, tries} ->
        entries = Map.put(entries, session_id, {command, tries + 1})
        {:ok, %{attaching | entries: entries, lacking: [session_id | attaching.lacking]}}
    end
  end

  @doc "Takes the sessions for which rows must be read."
  @spec take_lacking(t()) :: {[{String.t(), Reception.attach()}], t()}
  def take_lacking(%__MODULE__{entries: entries, lacking: lacking} = attaching) do
    sessions = for id <- Enum.reverse(lacking), do: {id, entries |> Map.fetch!(id) |> elem(0)}
    {sessions, %{attaching | lacking: []}}
  end

  @doc "Rows were read for sessions: it is their turn again, with what was read."
  @spec back(t(), [String.t()], (Reception.attach() -> Reception.attach())) :: t()
  def back(%__MODULE__{} = attaching, session_ids, equip) do
    for id <- session_ids, reduce: attaching do
      attaching ->
        {command, tries} = Map.fetch!(attaching.entries, id)
        entries = Map.put(attaching.entries, id, {equip.(command), tries})
        %{attaching | entries: entries, turn: :queue.in(id, attaching.turn)}
    end
  end

  @doc "Every session that waits, with its command."
  @spec all(t()) :: [{String.t(), Reception.attach()}]
  def all(%__MODULE__{entries: entries}),
    do: for({id, {command, _tries}} <- entries, do: {id, command})
end
