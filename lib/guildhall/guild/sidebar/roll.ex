defmodule Guildhall.Guild.Sidebar.Roll do
  @moduledoc false

  # The member list of one class of channels: a `Guildhall.MemberList`, and who looks at which windows
  # of it. All who look at the same windows are one subscriber of the list, a *view*.
  #
  # It is *building* while it is filled, piece by piece; changes go into it meanwhile. Nobody is told
  # of a list that is building.

  import Bitwise

  alias Guildhall.Guild.Sidebar.{Class, Source}
  alias Guildhall.MemberList
  alias Guildhall.Model.{Member, Rights, Role}
  alias Guildhall.Permissions

  @view Permissions.bit(:view_channel)
  @window 100
  @name 128

  @enforce_keys [:class, :list]
  defstruct [
    :class,
    :list,
    channel: nil,
    cursor: nil,
    state: :empty,
    again?: false,
    views: %{},
    next: 1,
    waiting: []
  ]

  @type windows :: [non_neg_integer()]
  @typedoc "Its number in the list, how many look by way of each channel, and the counts told last."
  @type view :: %{
          key: pos_integer(),
          channels: %{optional(pos_integer()) => pos_integer()},
          told: term()
        }
  @type t :: %__MODULE__{
          class: Class.t(),
          list: MemberList.t(),
          # One of its channels, which says who is in it.
          channel: pos_integer() | nil,
          cursor: term(),
          state: :empty | :building | :ready,
          # Whether it is built for the second time: some have it as it was before.
          again?: boolean(),
          views: %{optional(windows()) => view()},
          next: pos_integer(),
          # Sessions that are to be told when it is ready.
          waiting: [String.t()]
        }
  @typedoc "What decides who is where: hoisted roles in order, all roles, rights, how many members, and online."
  @type facts :: %{
          hoisted: [pos_integer()],
          roles: %{optional(pos_integer()) => Role.t()},
          rights: Permissions.t(),
          members: non_neg_integer(),
          online: non_neg_integer(),
          # Whether who is offline is shown.
          offline?: boolean()
        }
  @type refusal :: {:error, :memory_limit}

  @spec new(Class.t(), max_bytes :: pos_integer()) :: t()
  def new(class, max_bytes) do
    %__MODULE__{class: class, list: MemberList.new(max_bytes: max_bytes)}
  end

  @doc "Begins anew, for those who look at it and others."
  @spec rebuild(t(), max_bytes :: pos_integer(), Source.t()) :: t()
  def rebuild(%__MODULE__{} = roll, max_bytes, source) do
    source.stop.(roll.cursor)
    list = MemberList.new(max_bytes: max_bytes)
    again? = roll.again? or roll.state == :ready
    %{roll | list: list, cursor: nil, state: :empty, again?: again?}
  end

  @doc "Puts the next piece in. The last makes it ready."
  @spec build(t(), facts(), Source.t()) :: {:ok, t()} | refusal()
  def build(%__MODULE__{state: :empty} = roll, facts, source) do
    with {:ok, []} <- MemberList.set_roles(roll.list, facts.hoisted),
         do: build(%{roll | state: :building}, facts, source)
  end

  def build(%__MODULE__{state: :building} = roll, facts, source) do
    {rows, cursor} = source.walk.(roll.cursor, facts.offline?)
    roll = %{roll | cursor: cursor}

    with {:ok, []} <- put(roll, facts, rows),
         do: if(cursor, do: {:ok, roll}, else: open(%{roll | state: :ready}, facts))
  end

  defp open(roll, facts) do
    [] = count(roll, facts)

    with :ok <- each(roll.views, fn {windows, view} -> look(roll, view.key, windows) end),
         do: {:ok, roll}
  end

  defp each(things, fun) do
    Enum.reduce_while(things, :ok, fn thing, :ok ->
      with {:ok, _ops} <- fun.(thing), do: {:cont, :ok}, else: (error -> {:halt, error})
    end)
  end

  @doc "Takes in how these users are now. Answers what each view is told."
  @spec put(t(), facts(), [Source.row()]) ::
          {:ok, [{windows(), [MemberList.op()]}]} | refusal()
  def put(%__MODULE__{state: :empty}, _facts, _rows), do: {:ok, []}

  def put(%__MODULE__{list: list} = roll, facts, rows) do
    {members, others} = Enum.split_with(rows, &shown?(roll, facts, &1))
    puts = for {id, member, shown} <- members, do: {id, name(member), group(facts, member, shown)}

    with {:ok, updates} <- MemberList.put_many(list, puts) do
      gone =
        for {id, _, _} <- others, {:ok, updates} <- [MemberList.delete(list, id)], do: updates

      {:ok, for({windows, ops} <- Enum.concat([updates | gone]), do: {numbers(windows), ops})}
    end
  end

  @doc "Says how many members there are who are not put. Answers what each view is told."
  @spec count(t(), facts()) :: [{windows(), [MemberList.op()]}]
  def count(%__MODULE__{list: list}, facts) do
    absent =
      if facts.offline?, do: 0, else: max(facts.members - MemberList.counts(list).online, 0)

    {:ok, updates} = MemberList.set_absent(list, absent)
    for {windows, ops} <- updates, do: {numbers(windows), ops}
  end

  defp shown?(_roll, _facts, {_id, nil, _shown}), do: false
  defp shown?(_roll, %{offline?: false}, {_id, _member, nil}), do: false

  defp shown?(roll, facts, {_id, member, _shown}),
    do: sees?(roll.class, roll.channel, facts, member)

  @doc "Whether a member sees the channels of a class, of which this is one."
  @spec sees?(Class.t(), pos_integer() | nil, facts(), Member.t()) :: boolean()
  def sees?(:everyone, _channel, _facts, _member), do: true
  def sees?(_class, nil, _facts, _member), do: false

  def sees?(_class, channel, %{rights: rights}, member) do
    (Permissions.in_channel(rights, channel, Rights.member(member)) &&& @view) != 0
  end

  defp group(_facts, _member, nil), do: :offline

  defp group(%{hoisted: hoisted}, %Member{roles: roles}, _shown) do
    Enum.find(hoisted, :online, &(&1 in roles))
  end

  defp name(%Member{nick: nick, user: user}), do: fit(nick || user.global_name || user.username)

  # Those who made the names have counted letters.
  defp fit(name) when byte_size(name) <= @name, do: name
  defp fit(name), do: name |> String.slice(0, div(@name, 4)) |> fit_bytes()
  defp fit_bytes(name) when byte_size(name) <= @name, do: name

  defp fit_bytes(name),
    do: name |> String.graphemes() |> Enum.drop(-1) |> Enum.join() |> fit_bytes()

  @doc "Somebody looks at windows by way of a channel."
  @spec join(t(), windows(), channel :: pos_integer()) :: {:ok, t()} | refusal()
  def join(%__MODULE__{views: views} = roll, windows, channel) do
    case views do
      %{^windows => view} ->
        view = update_in(view.channels, &Map.update(&1, channel, 1, fn n -> n + 1 end))
        {:ok, %{roll | views: %{views | windows => view}}}

      %{} ->
        view = %{key: roll.next, channels: %{channel => 1}, told: nil}

        with {:ok, _ops} <- look(roll, view.key, windows),
             do: {:ok, %{roll | views: Map.put(views, windows, view), next: roll.next + 1}}
    end
  end

  # The list is told when it is ready.
  defp look(%__MODULE__{state: :ready, list: list}, key, windows) do
    MemberList.subscribe(list, key, ranges(windows))
  end

  defp look(_building, _key, _windows), do: {:ok, []}

  @doc "Somebody does so no longer."
  @spec leave(t(), windows(), channel :: pos_integer()) :: t()
  def leave(%__MODULE__{views: views} = roll, windows, channel) do
    %{^windows => %{channels: channels} = view} = views

    case channels do
      %{^channel => 1} when map_size(channels) == 1 ->
        :ok = MemberList.unsubscribe(roll.list, view.key)
        %{roll | views: Map.delete(views, windows)}

      %{^channel => 1} ->
        put_in(roll.views[windows].channels, Map.delete(channels, channel))

      %{^channel => count} ->
        put_in(roll.views[windows].channels[channel], count - 1)
    end
  end

  @doc "What who has some windows is sent to have others, and them as they are now."
  @spec sync(t(), has :: windows(), windows()) :: [MemberList.op()]
  def sync(%__MODULE__{list: list}, has, windows) do
    for(window <- has -- windows, do: {:invalidate, range(window)}) ++
      for window <- windows do
        {:sync, range(window), MemberList.slice(list, window * @window, @window)}
      end
  end

  @spec ranges(windows()) :: [MemberList.range()]
  def ranges(windows), do: Enum.map(windows, &range/1)

  defp range(window), do: {window * @window, window * @window + @window - 1}
  defp numbers(ranges), do: for({first, _last} <- ranges, do: div(first, @window))
end
