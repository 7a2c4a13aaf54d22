defmodule Guildhall.Guild.RoomTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Guildhall.RoomSimulation

  alias Guildhall.Guild.Emoji

  # Commands of many callers at once, on a store that is slow and may fail.

  @thumb %{id: nil, name: "👍"}

  defp say(content), do: {:create_message, 2, %{content: content}}

  # Reads and enters at once.
  defp command(simulation, tag, actor, command) do
    enter(simulation, tag, actor, command, read(simulation, actor, command))
  end

  defp posted(simulation, content \\ "hi") do
    {outcomes, simulation} =
      simulation |> command(:post, 11, say(content)) |> finish_all() |> take()

    {:ok, message} = reply(outcomes, :post)
    {message.id, simulation}
  end

  defp reply(outcomes, tag),
    do:
      Enum.find_value(outcomes, fn outcome ->
        with({:reply, ^tag, reply} <- outcome, do: reply, else: (_ -> nil))
      end)

  defp replies(outcomes), do: for({:reply, tag, reply} <- outcomes, do: {tag, reply})

  defp events(outcomes),
    do: for({:effects, effects} <- outcomes, {:publish, event} <- effects, do: event.type)

  test "nothing is answered or told before its write is durable" do
    simulation = command(new(), :a, 11, say("hi"))
    assert {[], simulation} = take(simulation)
    assert {outcomes, _simulation} = simulation |> finish() |> take()

    assert [{:released, 1, 1, _}, {:reply, :a, {:ok, message}}, {:effects, [publish: event]}] =
             outcomes

    assert {message.index, message.epoch, event.type} == {1, 1, "MESSAGE_CREATE"}
  end

  test "messages do not wait for each other" do
    simulation = Enum.reduce(1..5, new(), &command(&2, &1, 11, say("#{&1}")))
    assert length(simulation.submitted) == 5
    assert {outcomes, _simulation} = simulation |> finish_all() |> take()
    assert for({tag, {:ok, _message}} <- replies(outcomes), do: tag) == [1, 2, 3, 4, 5]
  end

  test "messages that come together are one write, are answered each and told at once" do
    simulation = new()

    requests =
      for n <- 1..5 do
        read = read(simulation, 11, say("#{n}"))
        facts = [actor: 11, command: say("#{n}"), from: n, stamp: read.stamp, facts: read.facts]
        struct!(Guildhall.Guild.Request, facts)
      end

    simulation = admit(simulation, requests)
    assert length(simulation.submitted) == 1
    assert {outcomes, _simulation} = simulation |> finish_all() |> take()
    assert for({tag, {:ok, _message}} <- replies(outcomes), do: tag) == [1, 2, 3, 4, 5]
    assert [[publish_all: events]] = for({:effects, effects} <- outcomes, do: effects)
    assert for(event <- events, do: event.content.content) == ~w(1 2 3 4 5)
  end

  test "a message whose write fails is answered and leaves nothing behind" do
    simulation = %{new() | fail: MapSet.new([2])}

    nonce = fn content ->
      {:create_message, 2, %{content: content, nonce: "n", enforce_nonce: true}}
    end

    simulation = simulation |> command(:a, 11, say("1")) |> command(:b, 11, nonce.("2"))
    simulation = command(simulation, :c, 12, say("3"))
    {outcomes, simulation} = simulation |> finish_all() |> take()
    assert [{:a, {:ok, _}}, {:b, {:error, :storage_full}}, {:c, {:ok, last}}] = replies(outcomes)
    assert events(outcomes) == ["MESSAGE_CREATE", "MESSAGE_CREATE"]
    assert simulation.room.state.posts.last == %{2 => last.id}
    # The nonce is free again.
    {outcomes, _simulation} = simulation |> command(:d, 11, nonce.("2")) |> finish_all() |> take()
    assert {:ok, %{content: "2"}} = reply(outcomes, :d)
  end

  test "a nonce that is enforced waits for the message that has it" do
    command = {:create_message, 2, %{content: "x", nonce: 5, enforce_nonce: true}}
    simulation = new() |> command(:a, 11, command) |> command(:b, 11, command)
    assert length(simulation.submitted) == 1
    {outcomes, _simulation} = simulation |> finish_all() |> take()
    assert reply(outcomes, :a) == reply(outcomes, :b)
    assert events(outcomes) == ["MESSAGE_CREATE"]
  end

  test "two edits of one message do not lose each other" do
    {id, simulation} = posted(new())
    text = {:edit_message, 2, id, %{content: "text"}}
    flags = {:edit_message, 2, id, %{flags: 4}}
    # Both read the message before either of them is written.
    reads = for command <- [text, flags], do: read(simulation, 11, command)

    simulation =
      Enum.reduce(Enum.zip([text, flags], reads), simulation, fn {command, read}, simulation ->
        enter(simulation, command, 11, command, read)
      end)

    simulation = finish_all(simulation)
    assert %{content: "text", flags: 4} = row(simulation, {:message, 2, id})
  end

  test "a message that is being deleted is unknown to what comes after" do
    {id, simulation} = posted(new())
    late = {:add_reaction, 2, id, @thumb}
    read = read(simulation, 12, late)
    simulation = command(simulation, :delete, 11, {:delete_message, 2, id})
    simulation = enter(simulation, :react, 12, late, read)
    {outcomes, simulation} = simulation |> finish_all() |> take()
    assert replies(outcomes) == [delete: :ok, react: {:error, :unknown_message}]
    assert row(simulation, {:counts, 2, id}) == []
  end

  test "a deletion that fails leaves the message to what waited" do
    {id, simulation} = posted(new())
    simulation = %{simulation | fail: MapSet.new([2])}
    simulation = command(simulation, :delete, 11, {:delete_message, 2, id})
    react = {:add_reaction, 2, id, @thumb}
    read = read(simulation, 12, react)

    {outcomes, simulation} =
      simulation |> enter(:react, 12, react, read) |> finish_all() |> take()

    assert reply(outcomes, :delete) == {:error, :storage_full}
    # What it read is in doubt, so it reads again.
    assert {:need, _keys} = reply(outcomes, :react)
    {outcomes, simulation} = simulation |> command(:react, 12, react) |> finish_all() |> take()
    assert reply(outcomes, :react) == :ok
    assert [{"👍", 1, _since}] = row(simulation, {:counts, 2, id})
  end

  test "reactions that wait go in one write, and all count" do
    {id, simulation} = posted(new(50))
    command = {:add_reaction, 2, id, @thumb}
    simulation = Enum.reduce(11..60, simulation, &command(&2, &1, &1, command))
    assert length(simulation.submitted) == 1
    simulation = finish(simulation)
    assert [{_index, ops}] = simulation.submitted
    assert length(ops) == 2 * 49
    {outcomes, simulation} = simulation |> finish() |> take()
    assert [{"👍", 50, _since}] = row(simulation, {:counts, 2, id})
    assert for({tag, :ok} <- replies(outcomes), do: tag) == Enum.to_list(11..60)
  end

  test "a write that fails takes with it those who went along, and none else" do
    {id, simulation} = posted(new(6))
    simulation = %{simulation | fail: MapSet.new([3])}
    command = {:add_reaction, 2, id, @thumb}
    simulation = Enum.reduce(11..13, simulation, &command(&2, &1, &1, command))
    {outcomes, simulation} = simulation |> finish_all() |> take()
    error = {:error, :storage_full}
    assert replies(outcomes) == [{11, :ok}, {12, error}, {13, error}]
    simulation = simulation |> command(14, 14, command) |> finish_all()
    assert [{"👍", 2, _since}] = row(simulation, {:counts, 2, id})
  end

  test "what the store does not take is answered, and is no hole" do
    simulation = command(%{new() | refuse: {:error, :overloaded}}, :a, 11, say("no"))

    assert {[{:reply, :a, {:error, :overloaded}}, {:failed, :overloaded, []}], simulation} =
             take(simulation)

    {outcomes, _} =
      %{simulation | refuse: nil} |> command(:b, 11, say("yes")) |> finish_all() |> take()

    assert {:ok, %{index: 1}} = reply(outcomes, :b)
  end

  test "who read long ago reads again" do
    {id, simulation} = posted(new())
    command = {:add_reaction, 2, id, @thumb}
    stale = read(simulation, 12, command)
    edits = for n <- 1..1_100, do: {:edit_message, 2, id, %{content: "#{n}"}}
    simulation = Enum.reduce(edits, simulation, &(&2 |> command(:edit, 11, &1) |> finish_all()))
    {_outcomes, simulation} = take(simulation)
    {outcomes, simulation} = simulation |> enter(:old, 12, command, stale) |> take()
    assert {:need, keys} = reply(outcomes, :old)
    assert {:counts, 2, id} in keys or {:message, 2, id} in keys or {:member, 12} in keys
    {outcomes, _simulation} = simulation |> command(:new, 12, command) |> finish_all() |> take()
    assert reply(outcomes, :new) == :ok
  end

  # Random callers, who read at one time and come at a later one; writes that finish in between; some
  # that fail. What was answered must be what a room does that does one thing after the other, and
  # so must be what is stored in the end.
  property "commands are as if one came after the other" do
    forall {steps, fail} <- {list(step()), list(range(1, 30))} do
      simulation = %{new() | fail: MapSet.new(fail)}
      {simulation, readers} = Enum.reduce(steps, {simulation, []}, &step/2)
      simulation = readers |> Enum.reverse() |> Enum.reduce(simulation, &come/2) |> finish_all()
      {outcomes, simulation} = take(simulation)

      commands = Process.delete(:commands) || %{}
      replies = replies(outcomes)
      assert length(replies) == map_size(commands)

      model =
        Enum.reduce(replies, %{}, fn {tag, reply}, model -> naive(model, commands[tag], reply) end)

      for id <- ids(replies) do
        stored = row(simulation, {:message, 2, id})
        assert (stored && stored.content) == get_in(model, [id, :content])

        counts =
          for {emoji, count, _since} <- row(simulation, {:counts, 2, id}), do: {emoji, count}

        assert Map.new(counts) == model |> get_in([id, :reactions]) |> sizes()
      end

      created = for {_tag, {:ok, message}} <- replies, message.edited_at == nil, do: message.id
      assert created == Enum.sort(created)
    end
  end

  defp sizes(nil), do: %{}

  defp sizes(reactions),
    do:
      reactions
      |> Enum.group_by(&elem(&1, 0))
      |> Map.new(fn {emoji, users} -> {emoji, length(users)} end)

  defp ids(replies), do: for({_tag, {:ok, %{id: id}}} <- replies, uniq: true, do: id)

  # A message is named by how long ago it was posted.
  defp step do
    actor = range(11, 13)
    emoji = oneof(["👍", "👎"])
    nth = range(0, 3)

    frequency([
      {3, {:begin, actor, :create}},
      {2, {:begin, actor, {:edit, nth}}},
      {1, {:begin, actor, {:delete, nth}}},
      {4, {:begin, actor, {:react, nth, emoji}}},
      {2, {:begin, actor, {:unreact, nth, emoji}}},
      {1, {:begin, actor, {:clear, nth}}},
      {6, :come},
      {5, :finish}
    ])
  end

  defp step(:finish, {simulation, readers}), do: {finish(simulation), readers}
  defp step(:come, {simulation, []}), do: {simulation, []}

  defp step(:come, {simulation, readers}),
    do: {come(List.last(readers), simulation), Enum.drop(readers, -1)}

  defp step({:begin, actor, what}, {simulation, readers}) do
    case concrete(what, simulation, length(readers), actor) do
      nil ->
        {simulation, readers}

      command ->
        tag = make_ref()
        Process.put(:commands, Map.put(Process.get(:commands, %{}), tag, {actor, command}))
        {simulation, [{tag, actor, command, read(simulation, actor, command)} | readers]}
    end
  end

  defp come({tag, actor, command, read}, simulation) do
    enter(simulation, tag, actor, command, read)
  end

  defp concrete(:create, _simulation, n, _actor), do: say("new #{n}")

  defp concrete(what, simulation, n, actor) do
    posted = for {{:messages, _partition, <<id::64>>}, _row} <- simulation.rows, do: id

    case {Enum.at(Enum.sort(posted, :desc), elem(what, 1)), what} do
      {nil, _what} -> nil
      {id, {:edit, _nth}} -> {:edit_message, 2, id, %{content: "edit #{n}"}}
      {id, {:delete, _nth}} -> {:delete_message, 2, id}
      {id, {:react, _nth, emoji}} -> {:add_reaction, 2, id, Emoji.parse(emoji)}
      {id, {:unreact, _nth, emoji}} -> {:remove_reaction, 2, id, Emoji.parse(emoji), actor}
      {id, {:clear, _nth}} -> {:clear_reactions, 2, id, nil}
    end
  end

  # What one after the other would do, and whether this is the answer to it.
  defp naive(model, _command, {:error, :storage_full}), do: model
  defp naive(model, _command, {:need, _keys}), do: model

  defp naive(model, {_actor, {:create_message, 2, attrs}}, {:ok, message}) do
    Map.put(model, message.id, %{content: attrs.content, reactions: MapSet.new()})
  end

  defp naive(model, {_actor, command}, {:error, :unknown_message}) do
    refute is_map_key(model, elem(command, 2))
    model
  end

  defp naive(model, {_actor, {:edit_message, 2, id, attrs}}, {:ok, _message}) do
    Map.update!(model, id, &%{&1 | content: attrs.content})
  end

  defp naive(model, {_actor, {:edit_message, 2, id, _attrs}}, {:error, :cannot_edit_other}) do
    assert is_map_key(model, id)
    model
  end

  defp naive(model, {_actor, {:delete_message, 2, id}}, :ok), do: elem(Map.pop!(model, id), 1)

  defp naive(model, {actor, {:add_reaction, 2, id, %{name: name}}}, :ok) do
    update_in(model[id].reactions, &MapSet.put(&1, {name, actor}))
  end

  defp naive(model, {actor, {:remove_reaction, 2, id, %{name: name}, _user}}, reply) do
    known? = Enum.any?(model[id].reactions, &(elem(&1, 0) == name))
    assert reply == if(known?, do: :ok, else: {:error, :unknown_emoji})
    update_in(model[id].reactions, &MapSet.delete(&1, {name, actor}))
  end

  defp naive(model, {_actor, {:clear_reactions, 2, id, nil}}, :ok) do
    put_in(model[id].reactions, MapSet.new())
  end
end
