defmodule Guildhall.Fanout.DocsTest do
  use ExUnit.Case, async: true

  # docs/fanout.md is run as it is written. Phoenix is a stand-in with what the page uses of it.

  alias Guildhall.Audience.Session
  alias Guildhall.{Fanout, Outbox, Permissions}

  # Those of the page, which are compiled below.
  @compile {:no_warn_undefined, [Chat.Room, Chat.Member, Chat.Connection, Chat.Relay]}
  @compile {:no_warn_undefined, ChatWeb.RoomChannel}

  defmodule Channel do
    @moduledoc false

    defmacro __using__(_options) do
      quote do
        @behaviour unquote(__MODULE__)
        import unquote(__MODULE__), only: [push: 3]
      end
    end

    @callback join(topic :: String.t(), params :: map(), socket :: map()) :: {:ok, map()}
    @callback handle_info(message :: term(), socket :: map()) :: {:noreply, map()}

    def push(socket, event, payload), do: send(socket.client, {:push, event, payload})
  end

  setup_all do
    page = File.read!("docs/fanout.md")

    blocks =
      for [block] <- Regex.scan(~r/```elixir\n(.*?)```/s, page, capture: :all_but_first),
          do: block

    {modules, [children, publish]} = Enum.split_with(blocks, &(&1 =~ "defmodule"))

    for module <- modules do
      module |> String.replace("Phoenix.Channel", inspect(Channel)) |> Code.compile_string()
    end

    {children, _bindings} = Code.eval_string(children)

    start_supervised!(%{
      id: :page,
      start: {Supervisor, :start_link, [children, [strategy: :one_for_one]]}
    })

    %{publish: publish}
  end

  test "a GenServer's room tells its members" do
    {:ok, room} = Chat.Room.start_link(1)
    for _n <- 1..3, do: {:ok, _pid} = Chat.Member.start_link(room: 1, client: self())
    assert Chat.Room.say(room, "hello") == :ok
    for _n <- 1..3, do: assert_receive({:lines, ["1 hello"]})
  end

  test "a Phoenix channel pushes to its client" do
    {:ok, room} = Chat.Room.start_link(2)
    test = self()

    spawn_link(fn ->
      {:ok, socket} = ChatWeb.RoomChannel.join("room:2", %{}, %{client: test})
      send(test, :joined)

      receive do:
                (message ->
                   {:noreply, ^socket} = ChatWeb.RoomChannel.handle_info(message, socket))
    end)

    assert_receive :joined
    assert Chat.Room.say(room, "hello") == :ok
    assert_receive {:push, "lines", %{lines: [%{number: 1, text: "hello"}]}}
  end

  test "a connection writes frames from its outbox", %{publish: publish} do
    test = self()
    {:ok, _pid} = Chat.Connection.start_link(room: 1, write: &send(test, {:written, &1}))
    Code.eval_string(publish)
    assert_receive {:written, <<0x81, _size, json::binary>>}
    assert json == ~s({"s":1,"t":"MESSAGE_CREATE","op":0,"d":{"content":"hello"}})
  end

  test "a relay pushes to those who may see it" do
    view = Permissions.bit(:view_channel)
    secret = {11, :text, [{1, :role, 0, view}, {2, :role, view, 0}]}
    roles = [{1, view}, {2, 0}]

    {:ok, relay} = Chat.Relay.start_link(id: 1, roles: roles, channels: [{10, :text, []}, secret])

    [moderator, guest] = outboxes = for _n <- 1..2, do: Outbox.new()

    for {outbox, key, roles} <- [{moderator, 1, [2]}, {guest, 2, []}] do
      session = %Session{key: key, user_id: key, roles: roles, intents: 512, outbox: outbox}
      assert Chat.Relay.attach(relay, session) == :ok
    end

    :ok = Fanout.publish(Chat.Fanout, {:guild, 1}, {10, "MESSAGE_CREATE", ~s({"id":"1"})})
    :ok = Fanout.publish(Chat.Fanout, {:guild, 1}, {11, "MESSAGE_CREATE", ~s({"id":"2"})})
    # A call to its partition and one to the relay, after which everything has been pushed.
    :ok = Fanout.unsubscribe(Chat.Fanout, :none, relay)
    _state = :sys.get_state(relay)

    assert_receive {Fanout, :wake}
    assert for(outbox <- outboxes, do: Outbox.info(outbox).sequence) == [2, 1]
  end

  test "a connection that does not write overflows, and ends" do
    test = self()

    slow = fn _frames ->
      send(test, :writes)
      receive do: (:go_on -> :ok)
    end

    {:ok, pid} = Chat.Connection.start_link(room: 3, write: slow)
    ref = Process.monitor(pid)
    :ok = Fanout.publish(Chat.Fanout, {:frames, 3}, {"E", "0"})
    assert_receive :writes
    for n <- 1..3_000, do: :ok = Fanout.publish(Chat.Fanout, {:frames, 3}, {"E", "#{n}"})
    # A call to its partition, which has pushed everything then.
    :ok = Fanout.unsubscribe(Chat.Fanout, :none, pid)
    # A full outbox keeps its events, and they are more than one write.
    for _write <- 1..10, do: send(pid, :go_on)
    assert_receive {:DOWN, ^ref, :process, ^pid, :normal}
  end
end
