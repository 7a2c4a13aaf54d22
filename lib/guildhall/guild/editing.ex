defmodule Guildhall.Guild.Editing do
  @moduledoc false

  # Messages that are there already: editing and deleting them.
  #
  # Only its author changes what a message says. Who may manage messages can hide its embeds, and
  # delete it. An edit leaves the row's place, and so the message's timestamp, alone.

  @behaviour Guildhall.Guild.Concern

  import Bitwise

  alias Guildhall.Guild.{Addressees, Authority, Events, Facts, Keys, Plan, Posting}
  alias Guildhall.Model.{Limits, Message, Row, Snowflake}
  alias Guildhall.Permissions

  @manage Permissions.bit(:manage_messages)
  @suppress_embeds 1 <<< 2
  @editable [0, 19]
  @bulk Limits.bulk_delete()
  @bulk_age 14 * 24 * 3_600_000
  @parts [:content, :embeds, :attachments, :components]

  @impl true
  def facts(_actor, {:edit_message, channel_id, id, attrs}) do
    [{:message, channel_id, id} | Addressees.facts(attrs[:content] || "")]
  end

  def facts(_actor, {:delete_message, channel_id, id}) do
    [{:message, channel_id, id}]
  end

  def facts(_actor, {:delete_messages, channel_id, ids}) do
    for id <- Enum.take(ids, 100), do: {:message, channel_id, id}
  end

  @impl true
  def keys(_state, %{command: {:edit_message, _channel_id, id, _attrs}, actor: actor}) do
    {[:guild, {:member, actor}], [{:message, id}]}
  end

  def keys(_state, %{command: {:delete_message, channel_id, id}, actor: actor}) do
    {[:guild, {:member, actor}], [{:message, id}, {:pins, channel_id}]}
  end

  def keys(_state, %{command: {:delete_messages, channel_id, ids}, actor: actor}) do
    {[:guild, {:member, actor}], [{:pins, channel_id} | for(id <- ids, do: {:message, id})]}
  end

  @impl true
  def decide(state, %{command: {:edit_message, channel_id, id, attrs}} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, channel_id, 0),
         {:ok, message} <- message(state, request, channel_id, id),
         :ok <- editable(authority, message, attrs),
         {:ok, message} <- with_referenced(state, request, message),
         edited = edit(message, authority, attrs, request.now),
         :ok <- Posting.complete(Map.from_struct(edited)),
         {:ok, _authority} <-
           Authority.allow(authority, Posting.implied(Map.delete(attrs, :tts))),
         {:ok, edited} <- address(state, request, authority, edited, attrs) do
      {:ok,
       %Plan{
         reply: {:ok, edited},
         ops: [{:put, :messages, Keys.messages(channel_id, id), Keys.id(id), Row.encode(edited)}],
         changes: [{:row, {:message, channel_id, id}, edited}],
         effects: [publish: Events.message_update(state, edited)]
       }}
    end
  end

  def decide(state, %{command: {:delete_message, channel_id, id}} = request) do
    with {:ok, authority} <- Authority.in_channel(state, request, channel_id, 0),
         {:ok, message} <- message(state, request, channel_id, id),
         :ok <- deletable(authority, message),
         {:ok, pins} <- pins(state, request, channel_id, [message]) do
      plan = delete(channel_id, [message], pins)
      {:ok, %{plan | effects: [publish: Events.message_delete(state, channel_id, id)]}}
    end
  end

  def decide(state, %{command: {:delete_messages, channel_id, ids}} = request) do
    ids = Enum.uniq(ids)

    with {:ok, _authority} <- Authority.in_channel(state, request, channel_id, @manage),
         :ok <- bulk(ids, request.now),
         keys = for(id <- ids, do: {:message, channel_id, id}),
         {:ok, found} <- Facts.fetch_all(state, request, keys),
         messages = Enum.reject(found, &is_nil/1),
         {:ok, pins} <- pins(state, request, channel_id, messages) do
      {:ok, delete_many(state, channel_id, messages, pins)}
    end
  end

  defp message(state, request, channel_id, id) do
    case Facts.fetch(state, request, {:message, channel_id, id}) do
      {:ok, nil} -> {:error, :unknown_message}
      other -> other
    end
  end

  # A reply is told with the message that it answers, as long as that exists.
  defp with_referenced(state, request, %Message{reference: %{message_id: id}} = message) do
    case Facts.fetch(state, request, {:message, message.channel_id, id}) do
      {:ok, referenced} -> {:ok, %{message | referenced: referenced || :deleted}}
      {:need, keys} -> {:need, keys}
    end
  end

  defp with_referenced(_state, _request, message), do: {:ok, message}

  defp editable(authority, %Message{author: %{id: author_id}} = message, attrs) do
    cond do
      authority.actor == author_id -> editable(message)
      Enum.any?(@parts, &is_map_key(attrs, &1)) -> {:error, :cannot_edit_other}
      true -> with :ok <- manage(authority), do: editable(message)
    end
  end

  defp editable(%Message{type: type}) when type in @editable, do: :ok
  defp editable(_message), do: {:error, :system_message}

  defp edit(message, authority, attrs, now) do
    parts =
      attrs |> Map.take(@parts) |> Map.new(fn {key, value} -> {key, value || blank(key)} end)

    flags = Map.get(attrs, :flags) || message.flags
    flags = (message.flags &&& ~~~@suppress_embeds) ||| (flags &&& @suppress_embeds)
    edited_at = if parts == %{}, do: message.edited_at, else: now
    member = if authority.actor == message.author.id, do: authority.member

    message
    |> Map.merge(parts)
    |> Map.merge(%{flags: flags, edited_at: edited_at, member: member})
  end

  defp blank(:content), do: ""
  defp blank(_list), do: []

  # Mentions follow the text.
  defp address(state, request, authority, message, %{content: _new} = attrs) do
    Addressees.resolve(state, request, authority, message, attrs)
  end

  defp address(_state, _request, _authority, message, _attrs), do: {:ok, message}

  defp deletable(authority, message) do
    if authority.actor == message.author.id, do: :ok, else: manage(authority)
  end

  defp manage(authority),
    do: with({:ok, _authority} <- Authority.allow(authority, @manage), do: :ok)

  defp bulk(ids, now) do
    oldest = Snowflake.from_time(now - @bulk_age)

    cond do
      length(ids) not in @bulk -> {:error, :bulk_count}
      Enum.any?(ids, &(&1 < oldest)) -> {:error, :too_old}
      true -> :ok
    end
  end

  defp pins(state, request, channel_id, messages) do
    if Enum.any?(messages, & &1.pinned),
      do: Facts.fetch(state, request, {:pins, channel_id}),
      else: {:ok, nil}
  end

  defp delete_many(_state, _channel_id, [], _pins), do: %Plan{}

  defp delete_many(state, channel_id, messages, pins) do
    ids = Enum.map(messages, & &1.id)
    plan = delete(channel_id, messages, pins)
    %{plan | effects: [publish: Events.message_delete_bulk(state, channel_id, ids)]}
  end

  defp delete(channel_id, messages, pins) do
    gone = for %{pinned: true, id: id} <- messages, do: id

    %Plan{
      ops:
        Enum.flat_map(messages, &delete_ops(channel_id, &1.id)) ++
          for(id <- gone, do: {:delete, :pins, Keys.id(channel_id), Keys.id(id)}),
      changes:
        Enum.flat_map(messages, fn %{id: id} ->
          [{:row, {:message, channel_id, id}, nil}, {:row, {:counts, channel_id, id}, []}]
        end) ++ if(gone == [], do: [], else: [{:row, {:pins, channel_id}, pins -- gone}])
    }
  end

  # The reactions' own rows say nothing without the summary.
  defp delete_ops(channel_id, id) do
    partition = Keys.messages(channel_id, id)

    [
      {:delete, :messages, partition, Keys.id(id)},
      {:delete, :reaction_counts, partition, Keys.id(id)}
    ]
  end
end
