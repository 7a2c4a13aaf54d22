defmodule Guildhall.Model.TokenTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.Token

  doctest Token

  property "a token has the shape that clients insist on, and is its owner's" do
    forall {id, kind, generation} <-
             {range(0, 0xFFFF_FFFF_FFFF_FFFF), oneof([:bot, :user]), range(0, 0xFFFF_FFFF)} do
      token = Token.issue("key", id, kind, generation)

      assert [owner, middle, signature] = String.split(token, ".")
      assert Base.url_decode64!(owner, padding: false) == Integer.to_string(id)
      assert byte_size(middle) == 6
      assert byte_size(signature) >= 27
      assert token =~ ~r/^[A-Za-z0-9_.-]+$/
      assert Token.parse(token) == {:ok, id}
      assert valid?("key", token, id, kind, generation)
    end
  end

  test "a token is good for one key, user, kind and generation" do
    token = Token.issue("key", 7, :bot, 3)

    refute valid?("other", token, 7, :bot, 3)
    refute valid?("key", token, 8, :bot, 3)
    refute valid?("key", token, 7, :user, 3)
    refute valid?("key", token, 7, :bot, 4)
  end

  property "a token with any byte changed is not valid" do
    forall {place, byte} <- {non_neg_integer(), range(0, 255)} do
      token = Token.issue("key", 1_234_567_890, :bot, 1)
      place = rem(place, byte_size(token))
      <<before::binary-size(place), old, rest::binary>> = token

      if byte != old do
        refute valid?("key", before <> <<byte>> <> rest, 1_234_567_890, :bot, 1)
      end
    end
  end

  test "what is no token is not read" do
    good = Token.issue("key", 7, :bot, 1)

    for bad <- [
          nil,
          1,
          "",
          "..",
          "a.b.c",
          "Bot " <> good,
          good <> "x",
          good <> ".",
          String.slice(good, 1..-1//1),
          # An owner that is no number.
          "YWJj." <> String.duplicate("a", 6) <> "." <> String.duplicate("a", 27),
          String.duplicate("a", 10_000),
          <<255, 0>>
        ] do
      assert Token.parse(bad) == :error, inspect(bad)
    end
  end

  defp valid?(key, token, id, kind, generation) do
    Token.same?(token, Token.issue(key, id, kind, generation))
  end
end
