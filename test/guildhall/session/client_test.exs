defmodule Guildhall.Session.ClientTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  import Bitwise

  alias Guildhall.Model.User
  alias Guildhall.Session.Client

  property "each guild is on exactly one shard, the one of the documented formula" do
    forall {guild_id, shards} <- {range(0, 1 <<< 62), range(1, 64)} do
      serving =
        Enum.filter(0..(shards - 1), &Client.serves?(client({&1, shards}), guild_id, :guild))

      assert serving == [rem(div(guild_id, 4_194_304), shards)]
    end
  end

  test "what has no guild is on shard 0" do
    assert Client.serves?(client({0, 2}), 1 <<< 22, :dm)
    refute Client.serves?(client({1, 2}), 1 <<< 22, :dm)
  end

  test "without a shard everything is served" do
    assert Client.serves?(client(nil), 1 <<< 22, :guild)
    assert Client.serves?(client(nil), 1 <<< 22, :dm)
  end

  defp client(shard), do: %Client{user: %User{id: 1, username: "bot"}, intents: 0, shard: shard}
end
