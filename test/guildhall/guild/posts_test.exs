defmodule Guildhall.Guild.PostsTest do
  use ExUnit.Case, async: true

  alias Guildhall.Guild.Posts
  alias Guildhall.Model.{Message, Snowflake, User}

  defp message(id, channel_id \\ 1) do
    %Message{id: id, channel_id: channel_id, author: %User{id: 7, username: "ada"}}
  end

  test "the last message is the one with the highest id, also when it was read from the store" do
    posts = %Posts{} |> Posts.put(message(5)) |> Posts.put(message(3))
    assert Posts.last(posts, 1) == 5
    posts = Posts.recover(posts, %{1 => 4, 2 => 8, 3 => nil})
    assert for(id <- 1..4, do: Posts.last(posts, id)) == [5, 8, nil, nil]
    assert posts |> Posts.put(message(9, 3)) |> Posts.last(3) == 9
    assert posts |> Posts.forget_channel(1) |> Posts.last(1) == nil
  end

  test "a bucket is known once a message of it was written" do
    now = Snowflake.epoch() + 100 * 864_000_000
    [first, same, next] = for days <- [0, 1, 20], do: Snowflake.from_time(now + days * 86_400_000)
    posts = Posts.put(%Posts{}, message(first))
    assert Posts.indexed?(posts, 1, same) == Posts.indexed?(posts, 1, first)
    refute Posts.indexed?(posts, 1, next)
    refute Posts.indexed?(posts, 2, first)
  end

  test "nonces are known for minutes, and so many of them" do
    posts = Posts.put_nonce(%Posts{}, {1, 7, "n"}, message(5), 0)
    assert Posts.fetch_nonce(posts, {1, 7, "n"}, 300_000) == {:ok, message(5)}
    assert Posts.fetch_nonce(posts, {1, 7, "n"}, 300_001) == :error
    assert Posts.fetch_nonce(posts, {2, 7, "n"}, 0) == :error
    full = Enum.reduce(1..10_000, posts, &Posts.put_nonce(&2, {1, 7, &1}, message(&1), 1))
    assert Posts.fetch_nonce(full, {1, 7, "n"}, 1) == :error
    assert Posts.fetch_nonce(full, {1, 7, 10_000}, 1) == {:ok, message(10_000)}
    {young, old, _since} = full.nonces
    assert map_size(young) + map_size(old) <= 4_096
  end

  test "a slow channel's posters wait for what is left of their time" do
    posts = Posts.put_poster(%Posts{}, 1, 7, 1_000)
    assert Posts.wait(posts, 1, 7, 5, 2_000) == 4_000
    assert Posts.wait(posts, 1, 7, 5, 6_000) == 0
    assert Posts.wait(posts, 1, 7, 0, 1_000) == 0
    assert Posts.wait(posts, 1, 8, 5, 1_000) == 0
    {young, old} = Enum.reduce(1..30_000, posts, &Posts.put_poster(&2, 1, &1, 0)).posters
    assert map_size(young) + map_size(old) <= 16_384
  end
end
