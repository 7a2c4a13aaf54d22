defmodule Guildhall.SidebarSimulation do
  @moduledoc false

  # A room, its sidebar, a relay and clients without processes, so that a test decides who comes when:
  # feeds wait for the sidebar, and what it says waits for the room.
  #
  # The guild is 1, its channels are 10, 11, 12, its roles 2, 3, 4. Users are 100 to 339; whoever is not in
  # `members` is none, and the sessions :a, :b, :c are those of users 100, 101, 102.

  alias Guildhall.{Frames, Outbox, Payload, Permissions, SidebarClient}
  alias Guildhall.Guild.{Sidebar, State}
  alias Guildhall.Guild.Sidebar.{Class, Source}
  alias Guildhall.Model.{Channel, Guild, Hierarchy, Member, Overwrite, Rights, Role, User}

  import Bitwise

  @view Permissions.bit(:view_channel)
  @limits %{bytes: 100_000_000, lists: 10, watchers: 10}
  @sessions %{"a" => 100, "b" => 101, "c" => 102}

  defstruct [:room, :sidebar, :extra, feeds: [], said: [], follows: %{}, clients: %{}]

  @doc "A guild of 200 members, half of them online, and as many more as are given whom nobody knows."
  def new(extra) do
    roles = for id <- 1..4, do: %Role{id: id, name: "role", position: id, permissions: 0}
    roles = Map.new(roles, &{&1.id, &1})
    roles = put_in(roles[1].permissions, @view)
    channels = for id <- 10..12, into: %{}, do: {id, %Channel{id: id, type: 0, guild_id: 1}}
    guild = %Guild{id: 1, owner_id: 100, roles: roles, channels: channels}
    room = %{State.new(guild) | sidebar: %Sidebar{pid: self(), guild?: true}}
    members = for id <- 100..299, into: %{}, do: {id, member(id)}
    shown = for id <- 100..299//2, into: %{}, do: {id, shown(:online)}
    world(members, shown)
    sidebar = Sidebar.State.new(1, source(), @limits)
    count(%__MODULE__{room: room, sidebar: sidebar, extra: extra})
  end

  defp member(id), do: %Member{user: %User{id: id, username: "u#{id}"}}
  defp shown(status), do: %{status: status, activities: [], client_status: %{}}

  # The room's tables and the store, which a sidebar reads as they are by then.
  defp world(members, shown), do: Process.put(__MODULE__, {members, shown})
  defp world, do: Process.get(__MODULE__)

  defp source do
    %Source{
      fetch: fn ids, offline? ->
        {members, shown} = world()
        for id <- ids, do: {id, if(shown[id] || offline?, do: members[id]), shown[id]}
      end,
      walk: &walk/2,
      stop: fn _cursor -> :ok end,
      online: fn -> map_size(elem(world(), 1)) end
    }
  end

  defp walk(cursor, offline?) do
    {members, shown} = world()
    after_id = cursor || 0
    ids = if offline?, do: Map.keys(members), else: Map.keys(shown)
    {ids, rest} = ids |> Enum.sort() |> Enum.filter(&(&1 > after_id)) |> Enum.split(60)
    {for(id <- ids, do: {id, members[id], shown[id]}), if(rest != [], do: List.last(ids))}
  end

  @doc "Something happens, or what waits somewhere is handled."
  def step(simulation, {:watch, session, channels}) do
    user_id = @sessions[session]

    if is_map_key(elem(world(), 0), user_id),
      do: note(simulation, {:watch, session, user_id, self(), channels}),
      else: simulation
  end

  def step(simulation, {:gone, session}) do
    simulation = note(simulation, {:gone, session})

    %{
      simulation
      | follows: Map.delete(simulation.follows, session),
        clients: Map.delete(simulation.clients, session)
    }
  end

  def step(simulation, {:status, id, status}) do
    {members, shown} = world()

    if is_map_key(members, id) do
      world(
        members,
        if(status == :offline, do: Map.delete(shown, id), else: Map.put(shown, id, shown(status)))
      )

      note(simulation, {:user, id})
    else
      simulation
    end
  end

  def step(simulation, {:nick, id, nick}), do: member(simulation, id, &%{&1 | nick: nick})

  def step(simulation, {:roles, id, roles}) do
    roles = Enum.uniq(roles)
    before = elem(world(), 0)[id]
    simulation = member(simulation, id, &%{&1 | roles: roles})
    sees = &Rights.visible(simulation.room.rights, &1)

    if before && sees.(before) != sees.(%{before | roles: roles}),
      do: unfollow(simulation, id),
      else: simulation
  end

  def step(simulation, {:join, id}) do
    {members, shown} = world()

    if is_map_key(members, id) do
      simulation
    else
      world(Map.put(members, id, member(id)), shown)
      simulation |> count() |> change({:member, member(id)})
    end
  end

  # The sessions of the user end with it.
  def step(simulation, {:leave, id}) when id != 100 do
    {members, shown} = world()
    world(Map.delete(members, id), Map.delete(shown, id))
    simulation = simulation |> count() |> change({:member_removed, id})

    for {session, ^id} <- @sessions, reduce: simulation do
      simulation -> step(simulation, {:gone, session})
    end
  end

  def step(simulation, {:role, id, hoist, position, view}) do
    role = simulation.room.guild.roles[id]
    permissions = if view, do: @view, else: 0
    changed = %{role | hoist: hoist, position: position, permissions: permissions}
    change(simulation, {:role, changed})
  end

  def step(simulation, {:overwrite, channel_id, id, kind}) do
    channel = simulation.room.guild.channels[channel_id]
    type = if id < 10, do: :role, else: :member

    overwrite =
      case kind do
        :allow -> %Overwrite{id: id, type: type, allow: @view}
        :deny -> %Overwrite{id: id, type: type, deny: @view}
        :none -> %Overwrite{id: id, type: type}
      end

    change(simulation, {:channel, put_in(channel.overwrites[id], overwrite)})
  end

  def step(simulation, :finish), do: finish(simulation)

  def step(%{feeds: [feed | feeds]} = simulation, :feed) do
    run(%{simulation | feeds: feeds}, feed)
  end

  def step(%{sidebar: %{facts: nil}} = simulation, _too_early), do: simulation

  def step(simulation, :work),
    do: if(busy?(simulation), do: run(simulation, :work), else: simulation)

  def step(simulation, {:flush, counts?}), do: run(simulation, {:flush, counts?})

  def step(%{said: [{number, effect} | said]} = simulation, :hear),
    do: hear(%{simulation | said: said}, number, effect)

  def step(simulation, _nothing), do: simulation

  defp busy?(simulation), do: Sidebar.State.work?(simulation.sidebar)

  @doc "Everything is handled."
  def finish(simulation) do
    cond do
      simulation.feeds != [] -> simulation |> step(:feed) |> finish()
      busy?(simulation) -> simulation |> step(:work) |> finish()
      unflushed?(simulation) -> simulation |> step({:flush, true}) |> finish()
      simulation.said != [] -> simulation |> step(:hear) |> finish()
      true -> simulation
    end
  end

  defp unflushed?(%{sidebar: sidebar}) do
    sidebar.changed != %{} or Sidebar.State.miscounted?(sidebar)
  end

  defp member(simulation, id, fun) do
    {members, shown} = world()

    case members do
      %{^id => member} ->
        world(%{members | id => fun.(member)}, shown)
        change(simulation, {:member, fun.(member)})

      %{} ->
        simulation
    end
  end

  defp count(simulation) do
    count = map_size(elem(world(), 0)) + simulation.extra
    put_in(simulation.room.guild.member_count, count)
  end

  defp unfollow(simulation, id) do
    gone = for {session, ^id} <- @sessions, do: session
    simulation = %{simulation | follows: Map.drop(simulation.follows, gone)}
    noted(simulation, &Sidebar.cut(&1, {:user, id}))
  end

  defp note(simulation, item), do: noted(simulation, &Sidebar.note(&1, item))
  defp noted(simulation, fun), do: feed(%{simulation | room: State.sidebar(simulation.room, fun)})

  defp change(simulation, change),
    do: feed(%{simulation | room: State.apply(simulation.room, [change], 0, 0)})

  defp feed(%{room: room} = simulation) do
    case Sidebar.take(room.sidebar) do
      {:ok, number, guild?, items, sidebar} ->
        guild = if guild?, do: {room.guild, room.rights}
        feed = {:feed, number, room.guild.member_count, guild, items}
        %{simulation | room: %{room | sidebar: sidebar}, feeds: simulation.feeds ++ [feed]}

      :none ->
        simulation
    end
  end

  defp run(simulation, command) do
    {sidebar, effects} = Sidebar.State.apply(simulation.sidebar, command)
    said = for effect <- effects, do: {sidebar.number, effect}
    %{simulation | sidebar: Sidebar.State.settle(sidebar), said: simulation.said ++ said}
  end

  defp hear(simulation, number, effect) do
    simulation = update_in(simulation.room.sidebar, &Sidebar.hear(&1, number))
    sidebar = simulation.room.sidebar

    case effect do
      {:publish, channel, topic, event} ->
        holds? = Sidebar.holds?(sidebar, [{:channel, channel}])

        sessions =
          for {session, topics} <- simulation.follows, topic in topics, holds?, do: session

        Enum.reduce(sessions, simulation, &deliver(&2, &1, event))

      {:send, session, user_id, channel, event} ->
        if Sidebar.holds?(sidebar, [{:user, user_id}, {:channel, channel}]) and
             is_map_key(simulation.follows, session),
           do: deliver(simulation, session, event),
           else: simulation

      {:follow, session, user_id, channels, topics, events} ->
        cuts = [{:user, user_id} | for(channel <- channels, do: {:channel, channel})]

        if Sidebar.holds?(sidebar, cuts) and is_map_key(elem(world(), 0), user_id) do
          simulation = put_in(simulation.follows[session], topics)
          Enum.reduce(events, simulation, &deliver(&2, session, &1))
        else
          simulation
        end

      _other ->
        simulation
    end
  end

  # Nobody is told of a list that no channel shows which he sees.
  defp deliver(simulation, session, event) do
    data = decode(event)
    lists = Map.get(simulation.clients, session, %{})
    ids = for {class, _channel} <- classes(simulation, @sessions[session]), do: Class.id(class)

    if data["id"] not in ids,
      do: raise("#{session} is told of #{data["id"]} and sees #{inspect(ids)}")

    put_in(simulation.clients[session], SidebarClient.take(lists, data))
  end

  defp decode(event) do
    outbox = Outbox.new()
    _wake = Outbox.push(outbox, event)
    {:ok, frames, false} = Outbox.take(outbox, Outbox.Transport.new(:plain), 100_000_000)
    [{:text, json}] = Frames.messages(frames)
    {:ok, %{"t" => "GUILD_MEMBER_LIST_UPDATE", "d" => data}} = Payload.decode(json)
    data
  end

  # The classes of the channels that a user sees, each with the first of them.
  defp classes(%{room: %{guild: guild, rights: rights}}, user_id) do
    {members, _shown} = world()

    case members do
      %{^user_id => member} ->
        for channel <- rights |> Rights.visible(member) |> Enum.sort(:desc), into: %{} do
          {Class.of(guild, guild.channels[channel]), channel}
        end

      %{} ->
        %{}
    end
  end

  @doc "What a session should have: windows of lists, by id and window."
  def expected(simulation, session) do
    watcher = Guildhall.Table.get(simulation.sidebar.watchers, session, %{channels: %{}})
    classes = classes(simulation, @sessions[session])

    for {channel, windows} <- watcher.channels,
        class = Class.of(simulation.room.guild, simulation.room.guild.channels[channel]),
        is_map_key(classes, class),
        window <- windows,
        into: %{},
        do: {{Class.id(class), window}, window(simulation, class, channel, window)}
  end

  @doc "What it has of them."
  def held(simulation, session) do
    lists = Map.get(simulation.clients, session, %{})

    for {{id, window} = place, _items} <- expected(simulation, session), into: %{} do
      {place, if(list = lists[id], do: SidebarClient.shown(list, window, &shown_as/1))}
    end
  end

  @doc "The counts that a session was told last of each list, and those that there are."
  def counts(simulation, session) do
    {members, shown} = world()
    now = {map_size(members) + simulation.extra, map_size(shown)}
    lists = Map.get(simulation.clients, session, %{})
    for {{id, _window}, _items} <- expected(simulation, session), do: {lists[id][:counts], now}
  end

  defp shown_as(member) do
    {member["user"]["id"], member["nick"], member["presence"]["status"],
     Enum.sort(member["roles"])}
  end

  # The list as the rules of the protocol have it, made anew.
  defp window(%{room: %{guild: guild, rights: rights}} = simulation, _class, channel, window) do
    {members, shown} = world()
    offline? = map_size(members) + simulation.extra + hoisted_count(guild) + 2 < 1_000

    seen =
      for {id, member} <- members,
          shown[id] || offline?,
          (Permissions.in_channel(rights, channel, Rights.member(member)) &&& @view) != 0,
          do: {id, member, shown[id]}

    large? = not offline? or length(seen) + hoisted_count(guild) + 2 >= 1_000
    groups = Enum.group_by(seen, &group(guild, &1))

    order =
      Enum.map(hoisted(guild), &"#{&1}") ++ ["online"] ++ if(large?, do: [], else: ["offline"])

    items = for key <- order, group = groups[key], item <- [key | sorted(group)], do: item

    Enum.slice(items, window * 100, 100)
  end

  defp hoisted(guild) do
    roles = for {id, %{hoist: true} = role} when id != 1 <- guild.roles, do: role
    roles |> Enum.sort_by(&Hierarchy.rank/1, :desc) |> Enum.map(& &1.id)
  end

  defp hoisted_count(guild), do: length(hoisted(guild))

  defp group(_guild, {_id, _member, nil}), do: "offline"

  defp group(guild, {_id, member, _shown}) do
    guild |> hoisted() |> Enum.find("online", &(&1 in member.roles)) |> to_string()
  end

  defp sorted(group) do
    group
    |> Enum.sort_by(fn {id, member, _shown} -> {member.nick || member.user.username, id} end)
    |> Enum.map(fn {id, member, shown} ->
      status = if shown, do: "#{shown.status}", else: "offline"
      {"#{id}", member.nick, status, member.roles |> Enum.map(&"#{&1}") |> Enum.sort()}
    end)
  end
end
