defmodule Guildhall.Rights.ChannelRules do
  @moduledoc false

  # The rules of `Guildhall.Rights.Oracle` for the routes of a channel.

  import Guildhall.Rights.Oracle
  import Guildhall.Rights.Standing, only: [has?: 2, own?: 3, bits: 2, own_overwrites?: 3]

  @text [0, 1, 2, 5, 13]
  @thumb "👍"

  def rule(%{path: "/channels/{channel_id}" <> rest} = route, world) do
    place = a_channel(world)
    messages = Map.get(world.snapshot["messages"], place.id, %{})
    rule = rule(route.method, rest, world, Map.put(place, :messages, messages))
    stages = [place.stage | Map.get(rule, :stages, [])]
    params = Map.merge(%{channel_id: place.id}, Map.get(rule, :params, %{}))
    Map.merge(rule, %{params: params, stages: stages})
  end

  defp rule("GET", "", _world, place), do: %{shows: &(&1["id"] == place.id)}

  defp rule("PATCH", "", world, place) do
    body = change(place, world, Enum.random(1..5))
    %{body: body, stages: [needs(place, :manage_channels) ++ changed(place, world, body)]}
  end

  defp rule("DELETE", "", world, place) do
    children =
      for {_id, %{"parent_id" => id} = child} <- world.snapshot["channels"],
          id == place.id,
          do: child

    %{stages: [needs(place, :manage_channels) ++ Enum.flat_map(children, &manageable(world, &1))]}
  end

  defp rule("POST", "/typing", _world, place), do: %{stages: posting(place)}

  defp rule("PUT", "/permissions/{overwrite_id}", world, place) do
    {id, body} = overwrite(world, place, Enum.random(1..2))
    old = overwrites(place)
    new = shown([Map.put(body, :id, id)])
    rest = Enum.reject(old, &(&1["id"] == id))
    own? = own_overwrites?(place.permissions, old, rest ++ new)

    %{
      params: %{overwrite_id: id},
      body: body,
      stages: [
        needs(place, :manage_roles),
        stage([
          {id == "5", :unknown_role},
          {body.type == 1 and is_map_key(world.snapshot["roles"], id), :unknown_member},
          {not own?, place.lacking}
        ])
      ]
    }
  end

  defp rule("DELETE", "/permissions/{overwrite_id}", _world, place) do
    old = pick(overwrites(place))
    own? = Enum.all?(["allow", "deny"], &own?(place.permissions, bits(old, &1), 0))
    refused = stage([{old == nil, :unknown_overwrite}, {not own?, place.lacking}])
    %{params: %{overwrite_id: old["id"] || "5"}, stages: [needs(place, :manage_roles), refused]}
  end

  defp rule("GET", "/invites", _world, place), do: %{stages: [needs(place, :manage_channels)]}
  defp rule("GET", "/webhooks", _world, place), do: %{stages: [needs(place, :manage_webhooks)]}

  # Without the right to read the history there is none.
  defp rule("GET", "/pins", _world, place), do: %{shows: &readable?(place, &1)}
  defp rule("GET", "/messages/pins", _world, place), do: %{shows: &readable?(place, &1["items"])}
  defp rule("GET", "/messages", _world, place), do: %{shows: &readable?(place, &1)}

  defp rule(_put_or_delete, pins, _world, place)
       when pins in ["/pins/{message_id}", "/messages/pins/{message_id}"] do
    {id, message} = message(place)
    %{params: %{message_id: id}, stages: [needs(place, :pin_messages), known(message)]}
  end

  defp rule("POST", "/messages", world, place) do
    reference = if Enum.random(1..3) > 1, do: reference(world, place)
    body = if reference, do: %{message_reference: %{message_id: reference}}, else: %{}
    [send, text] = posting(place)
    history = if reference, do: needs(place, :read_message_history), else: []
    stages = [send, text, history, answerable(place, reference)]
    %{body: Map.put(body, :content, "hello"), stages: stages}
  end

  defp rule("POST", "/messages/bulk-delete", _world, place) do
    ids = Enum.take_random(Map.keys(place.messages), 2)
    unknown = to_string(Guildhall.Model.Snowflake.from_time(System.system_time(:millisecond)))
    ids = Enum.take(ids ++ [unknown, unknown <> "0"], 2)
    %{body: %{messages: ids}, stages: [needs(place, :manage_messages)]}
  end

  defp rule("GET", "/messages/{message_id}", _world, place) do
    {id, message} = message(place)
    %{params: %{message_id: id}, stages: [needs(place, :read_message_history), known(message)]}
  end

  # The server reads the message for the user that edits it.
  defp rule("PATCH", "/messages/{message_id}", world, place) do
    {id, message} = message(place)
    body = pick([%{content: "edited"}, %{flags: 4}])
    own? = message["author"]["id"] == actor(world)

    system = stage([{message != nil and message["type"] not in [0, 19], :system_message}])
    refused = stage([{not own? and is_map_key(body, :content), :not_author}])

    manage = if own? or is_map_key(body, :content), do: [], else: needs(place, :manage_messages)

    %{
      params: %{message_id: id},
      body: body,
      stages: [needs(place, :read_message_history), known(message), refused ++ manage, system]
    }
  end

  defp rule("DELETE", "/messages/{message_id}", world, place) do
    {id, message} = message(place)
    own? = message["author"]["id"] == actor(world)
    manage = if own?, do: [], else: needs(place, :manage_messages)
    %{params: %{message_id: id}, stages: [known(message), manage]}
  end

  defp rule("DELETE", "/messages/{message_id}/reactions", _world, place) do
    {id, message} = message(place)
    %{params: %{message_id: id}, stages: [needs(place, :manage_messages), known(message)]}
  end

  defp rule(method, "/messages/{message_id}/reactions/{emoji_name}" <> whose, world, place) do
    {id, message} = message(place)
    emoji = pick([@thumb, @thumb, "🎉"])
    used = if emoji in reactions(message), do: [], else: [:unknown_emoji]
    user = id(world, pick([:actor, :target]))

    stages =
      case {method, whose} do
        {"GET", ""} ->
          [needs(place, :read_message_history), known(message), used]

        {"PUT", "/@me"} ->
          add = if used == [], do: [], else: needs(place, :add_reactions)
          [needs(place, :read_message_history), known(message), add]

        {"DELETE", "/@me"} ->
          [known(message), used]

        {"DELETE", "/{user_id}"} ->
          manage = if user == actor(world), do: [], else: needs(place, :manage_messages)
          [manage, known(message), used]

        {"DELETE", ""} ->
          [needs(place, :manage_messages), known(message), used]
      end

    %{params: %{message_id: id, emoji_name: emoji, user_id: user}, stages: stages}
  end

  defp overwrites(%{channel: nil}), do: []
  defp overwrites(%{channel: channel}), do: channel["permission_overwrites"]

  # An overwrite of a role that is there already, now said to be a member's.
  defp overwrite(world, %{channel: %{}} = place, 1) do
    case for(%{"type" => 0} = overwrite <- overwrites(place), do: overwrite) do
      [] -> overwrite(world, place, 2)
      some -> some |> pick() |> of_a_member()
    end
  end

  defp overwrite(world, _place, _other) do
    roles = for id <- Map.keys(world.snapshot["roles"]), do: {id, 0}
    targets = [{"5", 0}, {id(world, :actor), 1}, {id(world, :target), 1}]
    {id, type} = pick(targets ++ roles)
    {id, %{type: type, allow: small_mask(), deny: small_mask()}}
  end

  defp of_a_member(overwrite) do
    {overwrite["id"], %{type: 1, allow: overwrite["allow"], deny: overwrite["deny"]}}
  end

  # A category has no parent.
  defp change(%{channel: %{"type" => type}}, world, 1) when type != 4 do
    categories = for {id, %{"type" => 4}} <- world.snapshot["channels"], do: id
    %{parent_id: pick([nil | categories])}
  end

  defp change(%{channel: %{}}, world, 2), do: %{permission_overwrites: some_overwrites(world)}
  defp change(_place, _world, 3), do: %{position: Enum.random(0..9)}
  defp change(_place, _world, _other), do: %{name: "n#{Enum.random(1..9)}"}

  defp changed(%{channel: nil}, _world, _body), do: []

  defp changed(%{channel: channel}, world, %{parent_id: id}) do
    if id in [nil, channel["parent_id"]],
      do: [],
      else: manageable(world, world.snapshot["channels"][id])
  end

  defp changed(place, _world, %{permission_overwrites: new}) do
    [old, new] = [overwrites(place), shown(new)]

    if MapSet.new(old) == MapSet.new(new) do
      []
    else
      own? = own_overwrites?(place.permissions, old, new)
      needs(place, :manage_roles) ++ stage([{not own?, :missing_permissions}])
    end
  end

  defp changed(_place, _world, _body), do: []

  @doc "What the actor lacks to manage a channel that a request names."
  def manageable(world, channel) do
    place = channel_place(world, channel)
    if place.stage != [], do: place.stage, else: needs(place, :manage_channels)
  end

  defp posting(%{channel: channel} = place) do
    type = if channel, do: channel["type"], else: 1
    [needs(place, :send_messages), stage([{type not in @text, :non_text_channel}])]
  end

  # Mostly a message of the channel.
  defp message(place) do
    message = if Enum.random(1..8) > 1, do: place.messages |> Map.values() |> pick()
    {message["id"] || "5", message}
  end

  defp known(message), do: stage([{message == nil, :unknown_message}])

  defp reactions(message),
    do: for(reaction <- message["reactions"] || [], do: reaction["emoji"]["name"])

  # A message of any channel of the guild, perhaps a hidden one.
  defp reference(world, place) do
    elsewhere = world.snapshot["messages"] |> Map.values() |> pick()
    [place.messages, elsewhere] |> pick() |> Map.keys() |> pick()
  end

  defp answerable(_place, nil), do: []

  defp answerable(place, id) do
    case place.messages do
      %{^id => %{"type" => type}} -> stage([{type not in [0, 7, 19], :system_message}])
      %{} -> [:invalid_form]
    end
  end

  defp readable?(place, messages),
    do: messages == [] or has?(place.permissions, :read_message_history)
end
