defmodule Guildhall.Audience.Reference do
  @moduledoc false

  # `Guildhall.Audience` as a plain value: the permission algorithm, run for each session. It says what
  # is right, slowly, and shares no code with the other. Outboxes play no part: `dispatch/2` returns what
  # each session is owed, and moves are the audience as it was.

  import Bitwise

  alias Guildhall.Audience.{Item, Session}

  @administrator 0x8
  @view 0x400
  @content 0x8000

  @enforce_keys [:id, :owner_id]
  defstruct [:id, :owner_id, roles: %{}, channels: %{}, sessions: %{}, topics: %{}]

  @type t :: %__MODULE__{}

  @spec new(keyword()) :: {:ok, t()}
  def new(options) do
    audience = %__MODULE__{id: options[:id], owner_id: options[:owner_id]}
    roles = for {id, mask} <- options[:roles] || [], do: {:role, id, mask}
    channels = for channel <- options[:channels] || [], do: {:channel, channel}
    {:ok, Enum.reduce(roles ++ channels, audience, &apply_change/2)}
  end

  @spec attach(t(), Session.t()) :: t()
  def attach(audience, session) do
    audience = detach(audience, session.key)
    %{audience | sessions: Map.put(audience.sessions, session.key, session)}
  end

  @spec detach(t(), non_neg_integer()) :: t()
  def detach(%{sessions: sessions, topics: topics} = audience, key) do
    %{audience | sessions: Map.delete(sessions, key), topics: Map.delete(topics, key)}
  end

  @spec follow(t(), non_neg_integer(), [binary()]) :: t()
  def follow(audience, key, topics) do
    if is_map_key(audience.sessions, key),
      do: put_in(audience.topics[key], topics),
      else: audience
  end

  # Keeps what a session follows.
  defp put(audience, session), do: put_in(audience.sessions[session.key], session)

  @spec set_passive(t(), non_neg_integer(), boolean()) :: t()
  def set_passive(audience, key, passive?) do
    case audience.sessions do
      %{^key => session} -> put(audience, %{session | passive?: passive?})
      %{} -> audience
    end
  end

  @spec change(t(), [Guildhall.Audience.change()]) :: {t(), before :: t()}
  def change(audience, changes) do
    {Enum.reduce(changes, audience, &apply_change/2), audience}
  end

  defp apply_change({:owner, id}, audience), do: %{audience | owner_id: id}
  defp apply_change({:role, id, mask}, audience), do: put_in(audience.roles[id], mask)

  defp apply_change({:role_deleted, id}, audience) do
    %{audience | roles: Map.delete(audience.roles, id)}
  end

  defp apply_change({:channel, {id, _kind, _overwrites} = channel}, audience) do
    put_in(audience.channels[id], channel)
  end

  defp apply_change({:channel_deleted, id}, audience) do
    %{audience | channels: Map.delete(audience.channels, id)}
  end

  defp apply_change({:member, user_id, roles}, audience) do
    for {_key, %{user_id: ^user_id} = session} <- audience.sessions, reduce: audience do
      audience -> put(audience, %{session | roles: roles})
    end
  end

  @doc "Returns what each session gets, by its key; sessions that get nothing are not there."
  @spec dispatch(t(), [Item.t()]) :: %{optional(non_neg_integer()) => [term()]}
  def dispatch(audience, items) do
    for {key, session} <- audience.sessions,
        events = for(item <- items, receives?(audience, session, item), do: body(item, session)),
        events != [],
        into: %{},
        do: {key, events}
  end

  @spec recipients(t(), Item.t()) :: [non_neg_integer()]
  def recipients(audience, item), do: Enum.sort(Map.keys(dispatch(audience, [item])))

  @spec visible?(t(), non_neg_integer(), non_neg_integer()) :: boolean()
  def visible?(audience, key, channel_id) do
    session = audience.sessions[key]
    session != nil and sees?(audience, session, channel_id)
  end

  defp receives?(audience, %{user_id: user_id} = session, item) do
    there?(audience, session, item.to) and user_id not in item.except and
      item.shard in [nil, session.shard] and
      (item.permissions == 0 or (base(audience, session) &&& item.permissions) != 0) and
      (user_id in item.always or (wants?(session, item) and awake?(session, item)))
  end

  defp wants?(session, item), do: item.intents == 0 or (session.intents &&& item.intents) != 0

  defp awake?(%{passive?: false}, _item), do: true
  defp awake?(_session, %{to: {to, _them}}) when to in [:users, :topic], do: true
  defp awake?(_session, item), do: item.passive?

  defp there?(_audience, _session, :room), do: true
  defp there?(_audience, session, {:users, ids}), do: session.user_id in ids

  defp there?(audience, session, {:topic, topic}),
    do: topic in (audience.topics[session.key] || [])

  defp there?(audience, session, {:channel, id}), do: sees?(audience, session, id)

  defp there?(audience, session, {moved, before, id}) do
    {saw?, sees?} = {visible?(before, session.key, id), sees?(audience, session, id)}

    moved ==
      Map.get(
        %{{false, true} => :gained, {true, false} => :lost, {true, true} => :kept},
        {saw?, sees?}
      )
  end

  defp body(%{author: author, author_id: id}, %{user_id: id}) when author != nil, do: author

  defp body(%{content: content} = item, session) when content != nil do
    shown? = (session.intents &&& @content) != 0 or session.user_id in item.content_for
    if shown?, do: content, else: item.body
  end

  defp body(item, _session), do: item.body

  defp base(%{owner_id: id}, %{user_id: id}), do: -1

  defp base(audience, session) do
    mask = Enum.reduce([audience.id | session.roles], 0, &(Map.get(audience.roles, &1, 0) ||| &2))
    if (mask &&& @administrator) != 0, do: -1, else: mask
  end

  defp sees?(audience, session, channel_id) do
    base = base(audience, session)

    case audience.channels do
      %{^channel_id => channel} ->
        (base &&& @administrator) != 0 or
          looks?(audience, session, base, overwrites(audience, channel))

      %{} ->
        false
    end
  end

  defp overwrites(audience, {_id, {:thread, parent_id}, _overwrites}) do
    with {_id, _kind, overwrites} <- audience.channels[parent_id], do: overwrites
  end

  defp overwrites(_audience, {_id, _kind, overwrites}), do: overwrites

  defp looks?(_audience, _session, _base, nil), do: false

  defp looks?(%{id: guild_id} = audience, session, base, overwrites) do
    mine = Enum.filter(session.roles, &(&1 != guild_id and is_map_key(audience.roles, &1)))

    base
    |> overwrite(overwrites, &match?({^guild_id, :role, _allow, _deny}, &1))
    |> overwrite(overwrites, fn {id, target, _allow, _deny} -> target == :role and id in mine end)
    |> overwrite(overwrites, fn {id, target, _, _} ->
      target == :member and id == session.user_id
    end)
    |> Bitwise.&&&(@view)
    |> Kernel.!=(0)
  end

  defp overwrite(mask, overwrites, mine?) do
    {allow, deny} =
      for {_id, _target, allow, deny} = overwrite <- overwrites,
          mine?.(overwrite),
          reduce: {0, 0} do
        {all, none} -> {all ||| allow, none ||| deny}
      end

    (mask &&& ~~~deny) ||| allow
  end
end
