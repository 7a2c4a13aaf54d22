defmodule Guildhall.Gateway.CommandTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Gateway.Command
  alias Guildhall.Model.Presence
  alias Guildhall.Payload
  alias Guildhall.Session.{Identify, MemberRequest, Resume}

  @user_opcodes [5, 13, 28, 29, 30, 34, 35, 36, 38, 39, 40, 41, 42]

  describe "the envelope" do
    test "is an object with an integer op" do
      for text <- ["", "nope", "[]", "1", "{}", ~s({"op":"1"}), ~s({"op":1.5}), <<0xFF>>] do
        assert Command.decode(text, :json) == {:invalid, :decode_error}
        assert Command.decode(text, :etf) == {:invalid, :decode_error}
      end
    end

    test "has an opcode that clients send" do
      for op <- [-1, 0, 7, 9, 10, 11, 12, 15, 44, 99, 1_000_000_000_000_000_000_000] do
        assert decode(op, nil) == {:invalid, :unknown_opcode}
      end
    end

    test "may have an opcode of user clients, or one that is not served" do
      for op <- @user_opcodes ++ [31, 43] do
        assert decode(op, %{guild_id: "1"}) == :ignored
        assert decode(op, nil) == :ignored
      end
    end

    test "may say which member lists are looked at" do
      channels = %{"5" => [[100, 199], [0, 99]], "6" => []}
      wish = %{subscribed?: true, channels: %{5 => [0, 1], 6 => []}}
      assert decode(14, %{guild_id: 1, typing: true, channels: channels}) == {:lists, [{1, wish}]}
      assert decode(14, %{guild_id: "1", activities: true}) == {:lists, [{1, %{}}]}

      assert decode(37, %{subscriptions: %{"1" => %{typing: false}, "2" => nil}}) ==
               {:lists, [{2, nil}, {1, %{subscribed?: false}}]}

      # What reads a whole list asks for more than one window at once.
      channels = %{"5" => [[0, 300], [1_200, 1_299]]}

      assert decode(14, %{guild_id: 1, channels: channels}) ==
               {:lists, [{1, %{channels: %{5 => [0, 1, 2, 3, 12]}}}]}

      for data <- [nil, %{}, %{subscriptions: %{}}, %{subscriptions: [1]}], op <- [14, 37] do
        assert decode(op, data) == :ignored
      end

      for channels <- [
            [],
            1,
            %{"x" => []},
            %{"5" => [[1, 2]]},
            %{"5" => [[0, 1_500]]},
            %{"5" => [[0, 1.0]]},
            %{"5" => [0]}
          ] do
        assert decode(14, %{guild_id: 1, channels: channels}) == {:invalid, :decode_error}
      end
    end

    property "whatever comes, it is a command" do
      forall {op, data} <- {range(0, 45), json()} do
        assert command?(decode(op, data))
        etf = Payload.to_etf(%{"op" => op, "d" => data})
        assert Command.decode(etf, :etf) == decode(op, data)
      end
    end
  end

  describe "a heartbeat" do
    test "has a sequence, or none, or 0, or junk" do
      assert decode(1, 7) == {:heartbeat, 7}
      for none <- [nil, 0, -1, "7", %{}], do: assert(decode(1, none) == {:heartbeat, nil})
      assert Command.decode(~s({"op":1}), :json) == {:heartbeat, nil}
    end
  end

  describe "IDENTIFY" do
    test "is read" do
      identify = %{
        token: "Bot t",
        intents: 513,
        shard: [1, 2],
        large_threshold: 250,
        properties: %{os: "linux"},
        capabilities: 3,
        presence: %{status: "dnd", since: 91, afk: true, activities: [%{name: "chess", type: 0}]}
      }

      assert {:identify, %Identify{} = identify} = decode(2, identify)
      assert %{token: "Bot t", intents: 513, shard: {1, 2}, large_threshold: 250} = identify
      assert %Presence{status: :dnd, since: 91, afk: true} = identify.presence

      assert [%{"name" => "chess", "type" => 0, "created_at" => at}] =
               identify.presence.activities

      assert is_integer(at)
    end

    test "may hold what libraries send that does not matter" do
      for presence <- [
            # serenity
            %{status: "online", since: %{secs: 1}, afk: false, activities: []},
            # eris
            %{activities: nil, afk: false, since: nil, status: "offline"},
            # hikari
            %{game: nil, activities: [], status: "online", since: nil, afk: false},
            # twilight
            nil,
            "junk",
            []
          ] do
        identify = %{token: "t", intents: 1, presence: presence, compress: true, new_key: [1]}
        assert {:identify, %Identify{presence: presence}} = decode(2, identify)
        assert presence == %Presence{}
      end
    end

    test "with a threshold beyond its bounds has the nearest, with junk the default" do
      for {given, read} <- [{0, 50}, {1_000, 250}, {"100", 50}, {nil, 50}, {100, 100}] do
        assert {:identify, %{large_threshold: ^read}} =
                 decode(2, %{token: "t", large_threshold: given})
      end
    end

    test "says what the session must refuse" do
      assert {:identify, %{intents: nil, shard: nil}} = decode(2, %{token: "t"})
      assert {:identify, %{intents: :invalid}} = decode(2, %{token: "t", intents: "513"})
      assert {:identify, %{intents: :invalid}} = decode(2, %{token: "t", intents: -1})
      assert {:identify, %{shard: :invalid}} = decode(2, %{token: "t", shard: "0"})
      assert {:identify, %{shard: :invalid}} = decode(2, %{token: "t", shard: [1]})
      assert {:identify, %{token: ""}} = decode(2, %{})
    end

    test "tells a phone by its properties" do
      for browser <- ["Discord iOS", "Discord Android"] do
        identify = %{token: "t", properties: %{browser: browser}}
        assert {:identify, %{presence: %{client: :mobile}}} = decode(2, identify)
      end
    end

    test "is an object" do
      assert decode(2, nil) == {:invalid, :decode_error}
      assert decode(2, []) == {:invalid, :decode_error}
    end
  end

  describe "RESUME" do
    test "is read" do
      assert decode(6, %{token: "t", session_id: "s", seq: 7}) ==
               {:resume, %Resume{token: "t", session_id: "s", sequence: 7}}
    end

    test "with a sequence that is none can be answered, but not resumed" do
      for sequence <- [nil, -1, "7", 1.5, %{}] do
        assert {:resume, %Resume{sequence: :invalid}} =
                 decode(6, %{token: "t", session_id: "s", seq: sequence})
      end
    end

    test "names a session" do
      assert decode(6, %{token: "t", seq: 7}) == {:invalid, :decode_error}
    end
  end

  describe "a presence" do
    test "that is offline is invisible" do
      assert {:presence, %Presence{status: :invisible}} = decode(3, %{status: "offline"})
      assert {:presence, %Presence{status: :idle}} = decode(3, %{status: "idle"})
      assert {:presence, %Presence{status: :online}} = decode(3, %{status: "asleep"})
    end

    test "has the activities that have a name, five at most" do
      activities = [
        %{name: "a", type: 9, url: 1},
        %{type: 0},
        7 | List.duplicate(%{name: "b"}, 9)
      ]

      assert {:presence, presence} = decode(3, %{status: "online", activities: activities})
      assert [%{"name" => "a", "type" => 0} = first, %{"name" => "b"}, _b] = presence.activities
      refute is_map_key(first, "url")
    end
  end

  describe "a voice state" do
    test "is for a guild" do
      assert decode(4, %{guild_id: "5", channel_id: 6, self_mute: true}) ==
               {:voice, 5, %{channel_id: 6, self_mute: true, self_deaf: false, self_video: false}}

      assert {:voice, 5, %{channel_id: nil}} = decode(4, %{guild_id: 5, channel_id: nil})
      assert decode(4, %{guild_id: nil, channel_id: "6"}) == :ignored
      assert decode(4, %{guild_id: "5", channel_id: "x"}) == {:invalid, :decode_error}
    end
  end

  describe "a request for members" do
    test "is for all, for a prefix, or for users" do
      assert members(%{query: "", limit: 0}).select == :all
      assert members(%{}).select == :all

      assert members(%{query: "", limit: 5}) |> Map.take([:select, :limit]) == %{
               select: {:prefix, ""},
               limit: 5
             }

      assert members(%{query: "a", limit: 0}).select == {:prefix, "a"}
      assert members(%{user_ids: ["1", 2]}).select == {:users, [1, 2]}
      assert members(%{user_ids: "1"}).select == {:users, [1]}
      assert members(%{user_ids: [], query: "a"}).select == {:prefix, "a"}
    end

    test "is for one guild, which may be an integer or in a list" do
      for id <- ["1174109841002725376", 1_174_109_841_002_725_376, ["1174109841002725376"]] do
        assert members(%{guild_id: id}).guild_id == 1_174_109_841_002_725_376
      end

      for id <- [nil, ["1", "2"], "x"] do
        assert decode(8, %{guild_id: id, query: ""}) == {:invalid, :decode_error}
      end

      # A client that has no guild yet.
      assert decode(8, %{guild_id: [], query: ""}) == :ignored
    end

    test "has a nonce of at most 32 bytes" do
      assert members(%{nonce: ""}).nonce == ""
      assert members(%{nonce: String.duplicate("n", 32)}).nonce == String.duplicate("n", 32)

      for nonce <- [nil, 7, String.duplicate("n", 33)],
          do: assert(members(%{nonce: nonce}).nonce == nil)
    end

    test "names 100 users at most" do
      assert {:users, ids} = members(%{user_ids: Enum.to_list(1..100)}).select
      assert length(ids) == 100
      too_many = %{guild_id: "1", user_ids: Enum.to_list(1..101)}
      assert decode(8, too_many) == {:invalid, :decode_error}
    end

    defp members(fields) do
      assert {:members, %MemberRequest{} = request} =
               decode(8, Map.merge(%{guild_id: "9"}, fields))

      request
    end
  end

  defp decode(op, data), do: Command.decode(Payload.encode!(%{op: op, d: data}), :json)

  defp command?({:heartbeat, sequence}), do: sequence == nil or is_integer(sequence)
  defp command?({:identify, %Identify{}}), do: true
  defp command?({:resume, %Resume{}}), do: true
  defp command?({:presence, %Presence{}}), do: true
  defp command?({:voice, guild_id, %{}}), do: is_integer(guild_id)
  defp command?({:members, %MemberRequest{}}), do: true
  defp command?({:lists, [_guild | _guilds]}), do: true
  defp command?({:invalid, reason}), do: reason in [:decode_error, :unknown_opcode]
  defp command?(:ignored), do: true

  # The fields that are read, with values that they should not have.
  defp json do
    key =
      oneof(~w(token intents shard presence properties status activities session_id seq guild_id
               channel_id user_ids query limit nonce large_threshold browser name typing channels
               subscriptions 12))

    value = oneof([nil, true, integer(), "text", "12", [], %{}])

    object =
      map(
        list({key, oneof([value, list(value), map(list({key, value}), &Map.new/1)])}),
        &Map.new/1
      )

    oneof([value, list(value), object])
  end
end
