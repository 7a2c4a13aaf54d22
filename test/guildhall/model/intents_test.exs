defmodule Guildhall.Model.IntentsTest do
  use ExUnit.Case, async: true

  import Bitwise

  alias Guildhall.Model.Intents

  doctest Intents

  test "has the bits of the protocol" do
    assert Intents.bit(:guilds) == 1
    assert Intents.bit(:guild_presences) == 1 <<< 8
    assert Intents.bit(:message_content) == 1 <<< 15
    assert Intents.bit(:direct_message_polls) == 1 <<< 25
    assert Intents.privileged() == (1 <<< 1 ||| 1 <<< 8 ||| 1 <<< 15)
    assert Intents.known() == 0x331FFFF
  end

  test "an event asks for another intent in a DM" do
    for {event, guild, direct} <- [
          {"MESSAGE_CREATE", 9, 12},
          {"MESSAGE_DELETE_BULK", 9, 12},
          {"MESSAGE_REACTION_REMOVE_EMOJI", 10, 13},
          {"TYPING_START", 11, 14},
          {"CHANNEL_PINS_UPDATE", 0, 12},
          {"MESSAGE_POLL_VOTE_ADD", 24, 25}
        ] do
      assert Intents.mask(event, :guild) == 1 <<< guild
      assert Intents.mask(event, :dm) == 1 <<< direct
    end
  end

  test "an event that two intents bring has both bits" do
    assert Intents.mask("THREAD_MEMBERS_UPDATE", :guild) == 0b11
  end

  test "the events that every session receives have no bit" do
    for event <- ~w(READY RESUMED USER_UPDATE VOICE_SERVER_UPDATE GUILD_MEMBERS_CHUNK
                    INTERACTION_CREATE RATE_LIMITED),
        place <- [:guild, :dm] do
      assert Intents.mask(event, place) == 0
    end
  end

  test "undefined bits and other things are not valid" do
    assert Intents.valid?(0)
    assert Intents.valid?(Intents.known())

    for bad <- [-1, 1 <<< 17, 1 <<< 18, 1 <<< 19, 1 <<< 26, 1 <<< 70, nil, "1", 1.0] do
      refute Intents.valid?(bad), inspect(bad)
    end
  end

  test "privileged intents must be granted" do
    members = Intents.bit(:guild_members)
    presences = Intents.bit(:guild_presences)
    asked = members ||| presences ||| Intents.bit(:guilds)

    assert Intents.disallowed(asked, members) == presences
    assert Intents.disallowed(asked, Intents.privileged()) == 0
    assert Intents.disallowed(Intents.bit(:guilds), 0) == 0
  end
end
