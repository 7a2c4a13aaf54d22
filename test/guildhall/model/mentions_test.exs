defmodule Guildhall.Model.MentionsTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.Model.Mentions

  doctest Mentions

  test "finds each kind, each id once, in order" do
    content = "<@12> <@!13><@12> <@&5> <#9> hi@everyone"

    assert Mentions.parse(content) ==
             %Mentions{users: [12, 13], roles: [5], channels: [9], everyone: true}

    assert Mentions.parse("@here").everyone
    assert Mentions.parse("<@1574614135113646080>").users == [1_574_614_135_113_646_080]
  end

  test "what only looks like a mention is none" do
    for content <- [
          "",
          "plain",
          "<@>",
          "<@12",
          "<@1a>",
          "<@ 12>",
          "@ everyone",
          "< @12>",
          "<@-1>",
          "<@0>",
          "<@123456789012345678901234567890>",
          "mail@example.com"
        ] do
      assert Mentions.parse(content) == %Mentions{}, content
    end

    assert Mentions.parse("<@<@12>").users == [12]
    assert Mentions.parse("<@&<@12>").users == [12]
  end

  test "code names nobody" do
    assert Mentions.parse("`<@1>` <@2>").users == [2]
    assert Mentions.parse("```\n<@1> ` `` \n``` <@2>").users == [2]
    assert Mentions.parse("``<@1> ` <@2>`` <@3>").users == [3]
    # A backtick without a partner opens nothing.
    assert Mentions.parse("` <@1>").users == [1]
    assert Mentions.parse("`` <@1> `").users == [1]
    refute Mentions.parse("`@everyone`").everyone
  end

  test "at most a hundred of a kind" do
    content = Enum.map_join(1..150, &"<@#{&1}>")
    assert Mentions.parse(content).users == Enum.to_list(1..100)
  end

  describe "allow/2" do
    setup do
      %{mentions: Mentions.parse("<@1> <@2> <@&3> <@&4> @everyone")}
    end

    test "without a word about it everything is allowed", %{mentions: mentions} do
      assert Mentions.allow(mentions, nil) == mentions
    end

    test "an empty one allows nothing", %{mentions: mentions} do
      assert Mentions.allow(mentions, %{parse: []}) == %Mentions{}
      assert Mentions.allow(mentions, %{}) == %Mentions{}
    end

    test "allows whole kinds, or those listed that are mentioned", %{mentions: mentions} do
      assert Mentions.allow(mentions, %{parse: [:users], roles: [4, 9]}) ==
               %Mentions{users: [1, 2], roles: [4]}

      assert Mentions.allow(mentions, %{parse: [:everyone, :roles], users: [2]}) ==
               %Mentions{users: [2], roles: [3, 4], everyone: true}
    end
  end

  property "any text is read" do
    forall pieces <- list(oneof(["<@", "!", "&", "<#", ">", "1", "`", "``", "@here", "é", " "])) do
      assert %Mentions{} = pieces |> Enum.join() |> Mentions.parse()
    end
  end
end
