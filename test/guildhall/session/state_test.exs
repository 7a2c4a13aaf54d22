defmodule Guildhall.Session.StateTest do
  use ExUnit.Case, async: true

  import Bitwise

  alias Guildhall.Model.{Presence, User}
  alias Guildhall.Session.{Client, MemberRequest, State}

  @guild 7 <<< 22

  @options %{
    heartbeat_interval: 40_000,
    absence_timeout: 1_000,
    resume_timeout: 180_000,
    drain_grace: 5_000,
    rate_limits: true
  }

  describe "its client" do
    test "is shown as offline when it does not come back soon, and as it was when it does" do
      {state, effects} = apply_all([{:begin, [@guild]}, :connected, :idle, {:disconnected, 1006}])
      assert {:timer, :absence, 1_000} in effects
      assert State.presence(state).status == :online

      assert {absent, [{:present, [@guild]}]} = apply_one(state, {:timeout, :absence})
      assert State.presence(absent).status == :offline

      {back, effects} = apply_one(absent, :connected)
      assert {:present, [@guild]} in effects
      assert {:timer, :absence, nil} in effects
      assert State.presence(back).status == :online
    end

    test "is waited for from the beginning" do
      assert {%State{phase: :waiting}, effects} = apply_all([{:begin, []}])
      assert {:timer, :expiry, 180_000} in effects
    end

    test "comes, and is then expected to send heartbeats" do
      assert {%State{phase: :connected}, effects} = apply_all([{:begin, []}, :connected])
      assert {:timer, :expiry, nil} in effects
      assert {:timer, :heartbeat, 60_000} in effects
    end

    test "says goodbye with 1000 or 1001, and with nothing else" do
      for code <- [1000, 1001] do
        assert {_state, [{:stop, :closed}]} = apply_one(connected(), {:disconnected, code})
      end

      for code <- [nil, 1005, 1006, 3000, 4000, 4200, 4901] do
        assert {%State{phase: :waiting}, effects} = apply_one(connected(), {:disconnected, code})
        refute Enum.any?(effects, &match?({:stop, _reason}, &1))
        assert {:timer, :expiry, 180_000} in effects
      end
    end

    test "stays away too long" do
      {waiting, _effects} = apply_one(connected(), {:disconnected, nil})
      assert {_state, [{:stop, :expired}]} = apply_one(waiting, {:timeout, :expiry})
    end

    test "is closed by the session, and waited for all the same" do
      {state, effects} = apply_one(connected(), {:client, {:invalid, :unknown_opcode}})
      assert state.phase == :waiting
      assert {:close, :unknown_opcode} in effects
      assert {:timer, :expiry, 180_000} in effects
    end

    test "takes the session over from a connection that is still there" do
      {state, effects} = apply_one(connected(), :claimed)
      assert state.phase == :waiting
      assert {:close, :taken_over} in effects
    end

    test "is not heard while it is away" do
      {waiting, _effects} = apply_one(connected(), {:disconnected, nil})
      assert {^waiting, []} = apply_one(waiting, {:client, {:heartbeat, 3}})
    end
  end

  describe "heartbeats" do
    test "are acknowledged, with the sequence the client has" do
      assert {_state, [{:acknowledge, 3}]} = apply_one(connected(), {:client, {:heartbeat, 3}})

      assert {_state, [{:acknowledge, nil}]} =
               apply_one(connected(), {:client, {:heartbeat, nil}})
    end

    test "keep the connection" do
      {state, _effects} = apply_one(connected(), {:client, {:heartbeat, 3}}, 40_000)

      assert {state, [{:timer, :heartbeat, 40_000}]} =
               apply_one(state, {:timeout, :heartbeat}, 60_000)

      assert state.phase == :connected
    end

    test "that do not come end the connection and not the session" do
      {state, effects} = apply_one(connected(), {:timeout, :heartbeat}, 60_000)
      assert state.phase == :waiting
      assert {:close, :heartbeat_missed} in effects
      refute Enum.any?(effects, &match?({:stop, _reason}, &1))
    end
  end

  describe "presence" do
    test "goes to the rooms that know the session" do
      state = attached()
      presence = %Presence{status: :dnd}

      assert {state, [{:present, [@guild]}]} = apply_one(state, {:client, {:presence, presence}})
      assert state.client.presence == presence
    end

    test "changes five times in 20 seconds and no more" do
      change = {:client, {:presence, %Presence{status: :idle}}}

      state =
        Enum.reduce(1..5, connected(), fn n, state -> elem(apply_one(state, change, n), 0) end)

      assert {state, [{:dropped, :presence}]} = apply_one(state, change, 19_999)
      assert {_state, [{:present, []}]} = apply_one(state, change, 20_001)
    end

    test "is not limited where nothing is" do
      state = %{connected() | options: %{@options | rate_limits: false}}
      change = {:client, {:presence, %Presence{status: :idle}}}
      state = Enum.reduce(1..20, state, fn n, state -> elem(apply_one(state, change, n), 0) end)
      assert {_state, [{:present, []}]} = apply_one(state, change)
    end
  end

  describe "members" do
    test "are read a page at a time, when the outbox is empty" do
      state = attached()
      {state, []} = apply_one(state, {:client, {:members, whole()}})

      assert State.hungry?(state)
      assert {state, [{:page, page, access}]} = apply_one(state, :idle)
      assert access == %{member?: true, intents: 0}
      refute State.hungry?(state)
      assert State.hungry?(State.paged(state, page))
    end

    test "are no longer read by one who was removed meanwhile" do
      {state, []} = apply_one(attached(), {:client, {:members, whole()}})
      {state, [{:page, page, _access}]} = apply_one(state, :idle)
      {state, _effects} = apply_one(State.paged(state, page), {:removed, @guild})
      assert {_state, [{:page, ^page, %{member?: false}}]} = apply_one(state, :idle)
    end

    test "of a whole guild are asked for once in 30 seconds" do
      {state, []} = apply_one(connected(), {:client, {:members, whole()}}, 1_000)
      again = {:client, {:members, %{whole() | nonce: "n"}}}

      assert {state, [{:push, "RATE_LIMITED", data}, {:dropped, :members}]} =
               apply_one(state, again, 11_000)

      assert data == %{opcode: 8, retry_after: 20.0, meta: %{guild_id: "#{@guild}", nonce: "n"}}
      assert {_state, []} = apply_one(state, again, 31_000)
    end

    test "of another guild, or some of them, are not counted" do
      {state, []} = apply_one(connected(), {:client, {:members, whole()}})
      {state, []} = apply_one(state, {:client, {:members, %{whole() | guild_id: 8}}})

      assert {_state, []} =
               apply_one(state, {:client, {:members, %{whole() | select: {:prefix, "a"}}}})
    end

    test "may be asked for so often before the client has read" do
      some = {:client, {:members, %{whole() | select: {:prefix, "a"}}}}
      state = Enum.reduce(1..64, connected(), fn _n, state -> elem(apply_one(state, some), 0) end)

      assert {_state, [{:push, "RATE_LIMITED", %{retry_after: 1.0}}, {:dropped, :members}]} =
               apply_one(state, some)
    end
  end

  describe "voice" do
    test "goes to a guild that knows the session, and nowhere else" do
      state = attached()
      attributes = %{channel_id: 5}

      assert {_state, [{:voice, @guild, ^attributes}]} =
               apply_one(state, {:client, {:voice, @guild, attributes}})

      assert {_state, [{:dropped, :voice}]} = apply_one(state, {:client, {:voice, 8, attributes}})
    end

    test "that comes too often waits, and is forgotten with its guild" do
      voice = &{:client, {:voice, @guild, %{channel_id: &1}}}

      state =
        Enum.reduce(1..5, attached(), fn n, state -> elem(apply_one(state, voice.(n)), 0) end)

      assert {state, [{:timer, :voice, 10_000}]} = apply_one(state, voice.(6))

      assert {_state, [{:voice, @guild, %{channel_id: 6}}]} =
               apply_one(state, {:timeout, :voice}, 10_000)

      {state, _effects} = apply_one(state, {:removed, @guild})
      assert {_state, []} = apply_one(state, {:timeout, :voice}, 10_000)
    end
  end

  describe "a presence that a room has no capacity for" do
    test "is sent again, as it is by then, to rooms that still know the session" do
      {state, [{:timer, :presence, 500}]} =
        apply_one(attached(), {:unsent, :presence, [@guild, 9 <<< 22]})

      assert {state, [{:present, [@guild]}]} = apply_one(state, {:timeout, :presence})
      assert {_state, [{:present, []}]} = apply_one(state, {:timeout, :presence})
    end
  end

  describe "rooms" do
    test "are attached when the outbox is empty, and only while the client is there" do
      {waiting, _effects} = apply_all([{:begin, [@guild]}])
      assert {^waiting, []} = apply_one(waiting, :idle)
      assert {_state, [{:attach, @guild} | _timer]} = apply_one(connected([@guild]), :idle)
    end

    test "of other shards are not joined" do
      client = %{client() | shard: {0, 2}}
      {state, _effects} = State.apply(State.new(client, @options), {:begin, []}, 0)

      assert {^state, []} = apply_one(state, {:joined, @guild, :guild})
      assert {_state, [{:attach, _id} | _timer]} = apply_one(state, {:joined, 8 <<< 22, :guild})
      assert {_state, [{:attach, @guild} | _timer]} = apply_one(state, {:joined, @guild, :dm})
    end
  end

  describe "its end" do
    test "closes the connection first" do
      for reason <- [:relay, :overflow, :revoked] do
        assert {_state, [{:close, ^reason}, {:stop, ^reason}]} =
                 apply_one(connected(), {:ended, reason})
      end
    end
  end

  describe "a drain" do
    test "asks the client to reconnect, and closes the connection of one that does not" do
      assert {state, [:reconnect, {:timer, :grace, 5_000}]} = apply_one(connected(), :drain)
      assert {state, effects} = apply_one(state, {:timeout, :grace})
      assert state.phase == :waiting
      assert {:close, :drained} in effects
    end

    test "does not touch a session without a connection" do
      {waiting, _effects} = apply_all([{:begin, []}])
      assert {^waiting, []} = apply_one(waiting, :drain)
    end
  end

  test "a changed user is announced to the user's own sessions" do
    user = %User{id: 1, username: "ada"}

    assert {state, [{:push, "USER_UPDATE", %{username: "ada"}}]} =
             apply_one(connected(), {:updated, user})

    assert state.client.user == user
  end

  defp whole, do: %MemberRequest{guild_id: @guild, select: :all}

  defp client, do: %Client{user: %User{id: 1, username: "bot"}, intents: 0}

  defp connected(guilds \\ []), do: elem(apply_all([{:begin, guilds}, :connected]), 0)

  defp attached do
    {state, [{:attach, @guild} | _timer]} = apply_one(connected([@guild]), :idle)
    {state, [{:timer, {:room, @guild}, nil}]} = apply_one(state, {:attached, @guild})
    state
  end

  defp apply_all(commands) do
    Enum.reduce(commands, {State.new(client(), @options), []}, fn command, {state, effects} ->
      {state, more} = State.apply(state, command, 0)
      {state, effects ++ more}
    end)
  end

  defp apply_one(state, command, now \\ 0), do: State.apply(state, command, now)
end
