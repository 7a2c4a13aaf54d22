defmodule Guildhall.Api.MessagesTest do
  use ExUnit.Case, async: true

  import Guildhall.ApiNode, except: [start: 1]

  alias Guildhall.ApiNode

  setup_all do
    node = ApiNode.start()
    ada = person(node, "ada")
    bob = person(node, "bob")
    bot = bot(node)
    {guild, channel} = guild([ada, bob, bot])
    messages = "/channels/#{channel}/messages"

    %{
      node: node,
      ada: ada,
      bob: bob,
      bot: bot,
      guild: guild,
      channel: channel,
      messages: messages
    }
  end

  # A channel of the test's own, so that histories do not mix.
  defp channel(%{ada: ada, guild: guild}) do
    {201, channel} = call(ada, :post, "/guilds/#{guild}/channels", %{name: "own"})
    {channel["id"], "/channels/#{channel["id"]}/messages"}
  end

  defp say(caller, messages, content) do
    {200, message} = call(caller, :post, messages, %{content: content})
    message
  end

  describe "create" do
    test "answers the whole message", %{ada: ada, channel: channel, messages: messages} do
      assert {200, message} = call(ada, :post, messages, %{content: "hi", tts: false, nonce: "n"})

      ada_id = ada.id

      assert %{
               "channel_id" => ^channel,
               "content" => "hi",
               "nonce" => "n",
               "author" => %{"id" => ^ada_id, "username" => "ada"},
               "edited_timestamp" => nil,
               "type" => 0,
               "embeds" => [],
               "components" => []
             } = message

      assert {:ok, _time, 0} = DateTime.from_iso8601(message["timestamp"])

      assert {200, ^channel} =
               with(
                 {200, m} <- call(ada, :get, "#{messages}/#{message["id"]}"),
                 do: {200, m["channel_id"]}
               )
    end

    test "a nonce may be a number, and is not stored", %{ada: ada, messages: messages} do
      assert {200, %{"nonce" => 12, "id" => id}} =
               call(ada, :post, messages, %{content: "a", nonce: 12})

      assert {200, message} = call(ada, :get, "#{messages}/#{id}")
      refute is_map_key(message, "nonce")
    end

    test "an enforced nonce posts once", %{ada: ada, bob: bob, messages: messages} do
      form = %{content: "once", nonce: "42", enforce_nonce: true}
      assert {200, %{"id" => id}} = call(ada, :post, messages, form)
      assert {200, %{"id" => ^id}} = call(ada, :post, messages, %{form | content: "twice"})
      assert {200, %{"id" => other}} = call(bob, :post, messages, form)
      assert other != id

      assert {200, %{"id" => another}} =
               call(ada, :post, messages, %{form | enforce_nonce: false})

      assert another != id
    end

    test "refuses bad nonces", %{ada: ada, messages: messages} do
      for nonce <- [String.duplicate("1", 26), %{}, 1.5] do
        assert {400, %{"code" => 50_035, "errors" => %{"nonce" => %{"_errors" => [_error]}}}} =
                 call(ada, :post, messages, %{content: "a", nonce: nonce})
      end
    end

    test "refuses what is empty or too long", %{ada: ada, messages: messages} do
      assert {400, %{"code" => 50_006}} = call(ada, :post, messages, %{})
      assert {400, %{"code" => 50_006}} = call(ada, :post, messages, %{content: " \n"})

      long = String.duplicate("ä", 2_001)

      assert {400, %{"code" => 50_035, "errors" => %{"content" => %{"_errors" => [error]}}}} =
               call(ada, :post, messages, %{content: long})

      assert error["code"] == "BASE_TYPE_MAX_LENGTH"

      assert {200, _message} =
               call(ada, :post, messages, %{content: String.slice(long, 0, 2_000)})
    end

    test "takes what libraries send empty, and refuses what is not served", context do
      %{ada: ada, messages: messages} = context
      empty = %{components: [], sticker_ids: [], attachments: [], embeds: [], flags: 0, poll: nil}
      assert {200, _message} = call(ada, :post, messages, Map.put(empty, :content, "a"))

      for {field, value} <- [components: [%{type: 1}], sticker_ids: ["1"], poll: %{question: "?"}] do
        assert {400, %{"code" => 50_035, "errors" => errors}} =
                 call(ada, :post, messages, %{field => value, content: "a"})

        assert Map.keys(errors) == [to_string(field)]
      end
    end

    test "answers another message", %{ada: ada, bob: bob, channel: channel, messages: messages} do
      question = say(ada, messages, "why?")
      id = question["id"]

      # discord.py sends integers, others strings.
      for reference <- [
            %{message_id: String.to_integer(id)},
            %{message_id: id, channel_id: channel, fail_if_not_exists: false, type: 0}
          ] do
        assert {200, answer} =
                 call(bob, :post, messages, %{content: "because", message_reference: reference})

        assert %{"type" => 19, "referenced_message" => %{"content" => "why?"}} = answer
        assert %{"message_id" => ^id, "channel_id" => ^channel} = answer["message_reference"]
        assert [%{"username" => "ada"}] = answer["mentions"]
      end
    end

    test "an answer to nothing is refused, unless that was foreseen", context do
      %{ada: ada, messages: messages} = context
      nothing = %{content: "x", message_reference: %{message_id: "1"}}
      assert {400, %{"code" => 50_035, "errors" => errors}} = call(ada, :post, messages, nothing)
      assert is_map_key(errors, "message_reference")

      lenient = put_in(nothing, [:message_reference, :fail_if_not_exists], false)
      assert {200, %{"type" => 0}} = call(ada, :post, messages, lenient)
    end

    test "mentions those who may be mentioned", %{ada: ada, bob: bob, messages: messages} do
      content = "<@#{bob.id}> @everyone"
      assert {200, all} = call(ada, :post, messages, %{content: content})
      assert %{"mentions" => [%{"username" => "bob"}], "mention_everyone" => true} = all

      none = %{content: content, allowed_mentions: %{parse: []}}

      assert {200, %{"mentions" => [], "mention_everyone" => false}} =
               call(ada, :post, messages, none)

      one = %{content: content, allowed_mentions: %{users: [bob.id]}}

      assert {200, %{"mentions" => [_bob], "mention_everyone" => false}} =
               call(ada, :post, messages, one)

      both = %{content: content, allowed_mentions: %{parse: ["users"], users: [bob.id]}}

      assert {400, %{"errors" => %{"allowed_mentions" => _errors}}} =
               call(ada, :post, messages, both)
    end

    test "keeps embeds", %{ada: ada, messages: messages} do
      embed = %{
        title: "t",
        description: "d",
        color: 255,
        timestamp: "2026-11-24T02:03:04Z",
        author: %{name: "a"},
        footer: %{text: "f"},
        image: %{url: "http://localhost/i.png"},
        fields: [%{name: "n", value: "v"}],
        provider: %{name: "not mine to set"}
      }

      assert {200, %{"embeds" => [shown], "id" => id}} =
               call(ada, :post, messages, %{embeds: [embed]})

      assert %{
               "type" => "rich",
               "title" => "t",
               "color" => 255,
               "timestamp" => "2026-11-24T02:03:04.000000+00:00",
               "fields" => [%{"name" => "n", "value" => "v", "inline" => false}],
               "image" => %{"url" => "http://localhost/i.png", "proxy_url" => _}
             } = shown

      refute is_map_key(shown, "provider")
      assert {200, %{"embeds" => [^shown]}} = call(ada, :get, "#{messages}/#{id}")

      assert {200, %{"embeds" => [%{"title" => "old"}]}} =
               call(ada, :post, messages, %{embed: %{title: "old"}})
    end

    test "refuses embeds that are too long, alone or together", %{ada: ada, messages: messages} do
      long = %{description: String.duplicate("x", 4_000)}
      assert {200, _message} = call(ada, :post, messages, %{embeds: [long]})

      assert {400, %{"errors" => %{"embeds" => %{"_errors" => [%{"code" => code}]}}}} =
               call(ada, :post, messages, %{embeds: [long, long]})

      assert code == "MAX_EMBED_SIZE_EXCEEDED"

      assert {400, %{"errors" => %{"embeds" => %{"0" => %{"title" => _error}}}}} =
               call(ada, :post, messages, %{embeds: [%{title: String.duplicate("x", 257)}]})
    end

    test "needs a channel that is there and that one sees", %{
      ada: ada,
      node: node,
      messages: messages
    } do
      assert {404, %{"code" => 10_003}} =
               call(ada, :post, "/channels/1/messages", %{content: "a"})

      stranger = person(node, "eve")
      assert {403, %{"code" => 50_001}} = call(stranger, :post, messages, %{content: "a"})
      assert {403, %{"code" => 50_001}} = call(stranger, :get, messages)
    end

    test "a slow channel says when to come back", %{bob: bob, ada: ada} = context do
      {channel, messages} = channel(context)

      assert {200, _channel} =
               call(ada, :patch, "/channels/#{channel}", %{rate_limit_per_user: 60})

      assert {200, _message} = call(bob, :post, messages, %{content: "first"})
      response = request(bob, :post, messages, %{content: "second"})

      assert response.status == 429
      assert {:ok, body} = Guildhall.Payload.decode(response.body)
      assert %{"code" => 20_016, "retry_after" => wait, "global" => false} = body
      assert wait > 50 and wait <= 60
      assert header(response, "retry-after") in ["59", "60"]
      assert header(response, "via")
    end
  end

  describe "files" do
    defp form(parts) do
      encoded =
        for {disposition, headers, bytes} <- parts do
          "--b\r\nContent-Disposition: form-data; #{disposition}\r\n#{headers}\r\n#{bytes}\r\n"
        end

      {IO.iodata_to_binary([encoded, "--b--\r\n"]),
       [{"content-type", "multipart/form-data; boundary=b"}]}
    end

    test "become attachments, described by their number", %{ada: ada, messages: messages} do
      json = ~s({"content": "look", "attachments": [{"id": 1, "description": "second"}]})

      {body, headers} =
        form([
          {~s(name="payload_json"), "Content-Type: application/json\r\n", json},
          {~s(name="files[0]"; filename="a b.txt"), "Content-Type: text/plain\r\n", "abc"},
          {~s(name="files[1]"; filename="../evil.png"), "Content-Type: image/png\r\n", "12345"}
        ])

      assert {200, %{"content" => "look", "attachments" => [one, two], "id" => id}} =
               call(ada, :post, messages, body, headers)

      assert %{"filename" => "a_b.txt", "size" => 3, "content_type" => "text/plain"} = one
      assert %{"filename" => "evil.png", "size" => 5, "description" => "second"} = two
      assert one["url"] =~ ~r{^http://127.0.0.1:\d+/attachments/\d+/\d+/a_b.txt$}
      assert one["proxy_url"] == one["url"]
      refute is_map_key(one, "description")

      assert {200, %{"attachments" => [^one, ^two]}} = call(ada, :get, "#{messages}/#{id}")

      # An edit keeps those that it names.
      assert {200, %{"attachments" => [^two]}} =
               call(ada, :patch, "#{messages}/#{id}", %{attachments: [%{id: two["id"]}]})

      assert {200, %{"attachments" => [^two], "content" => "new"}} =
               call(ada, :patch, "#{messages}/#{id}", %{content: "new"})
    end

    test "may come with plain fields", %{ada: ada, messages: messages} do
      {body, headers} = form([{~s(name="content"), "", "plain"}])
      assert {200, %{"content" => "plain"}} = call(ada, :post, messages, body, headers)
    end

    test "that are described but not there are an error", %{ada: ada, messages: messages} do
      form = %{content: "a", attachments: [%{id: 0, filename: "a.txt"}]}
      assert {400, %{"errors" => %{"attachments" => _errors}}} = call(ada, :post, messages, form)
    end

    test "that are too many, or no form, are refused", %{ada: ada, messages: messages} do
      many = for n <- 0..10, do: {~s(name="files[#{n}]"; filename="a"), "", "x"}
      {body, headers} = form(many)
      assert {400, %{"code" => 50_035}} = call(ada, :post, messages, body, headers)
      assert {400, %{"code" => 50_035}} = call(ada, :post, messages, "no form", headers)

      {body, headers} = form([{~s(name="payload_json"), "", "{"}])
      assert {400, %{"code" => 50_109}} = call(ada, :post, messages, body, headers)
    end
  end

  describe "history" do
    setup context do
      {channel, messages} = channel(context)
      ids = for n <- 1..7, do: say(context.ada, messages, "m#{n}")["id"]
      %{channel: channel, messages: messages, ids: ids}
    end

    defp contents(caller, path) do
      {200, messages} = call(caller, :get, path)
      for message <- messages, do: message["content"]
    end

    test "is newest first, and paged both ways", %{bob: bob, messages: messages, ids: ids} do
      [_first, second, _third, fourth | _rest] = ids

      assert contents(bob, messages) == ~w(m7 m6 m5 m4 m3 m2 m1)
      assert contents(bob, messages <> "?limit=2") == ~w(m7 m6)
      assert contents(bob, messages <> "?&limit=2") == ~w(m7 m6)
      assert contents(bob, messages <> "?limit=2&before=#{fourth}") == ~w(m3 m2)
      assert contents(bob, messages <> "?limit=2&after=#{second}") == ~w(m4 m3)
      assert contents(bob, messages <> "?limit=3&around=#{fourth}") == ~w(m5 m4 m3)
      assert contents(bob, messages <> "?after=0") == ~w(m7 m6 m5 m4 m3 m2 m1)
      assert contents(bob, messages <> "?before=0") == []
    end

    test "refuses pages that are none", %{bob: bob, messages: messages} do
      for {query, field} <- [{"limit=0", "limit"}, {"limit=101", "limit"}, {"before=x", "before"}] do
        assert {400, %{"code" => 50_035, "errors" => errors}} =
                 call(bob, :get, "#{messages}?#{query}")

        assert Map.keys(errors) == [field]
      end
    end

    test "is kept from bots that may not read content", %{node: node, ada: ada} = context do
      bot = bot(node, 0)
      {guild, _channel} = {context.guild, nil}
      {201, _member} = call(operator(node), :put, "/admin/guilds/#{guild}/members/#{bot.id}", %{})
      messages = context.messages
      say(ada, messages, "for <@#{bot.id}>")
      say(bot, messages, "my own")

      assert ["my own", "for <@" <> _, "" | rest] = contents(bot, messages)
      assert Enum.all?(rest, &(&1 == ""))
      assert ["my own", "for <@" <> _, "m7" | _rest] = contents(context.bot, messages)
    end
  end

  describe "edit and delete" do
    test "an edit shows, and leaves the time alone", %{ada: ada, messages: messages} do
      %{"id" => id, "timestamp" => sent} = say(ada, messages, "befor")

      assert {200, %{"content" => "before", "timestamp" => ^sent, "edited_timestamp" => edited}} =
               call(ada, :patch, "#{messages}/#{id}", %{content: "before"})

      assert edited
      assert {200, %{"content" => "before"}} = call(ada, :get, "#{messages}/#{id}")
    end

    test "an edit keeps the reactions in its answer", %{ada: ada, messages: messages} do
      %{"id" => id} = say(ada, messages, "a")
      assert {204, nil} = call(ada, :put, "#{messages}/#{id}/reactions/%F0%9F%94%A5/@me")

      assert {200, %{"reactions" => [%{"me" => true}]}} =
               call(ada, :patch, "#{messages}/#{id}", %{content: "b"})
    end

    test "nobody edits another's message", %{ada: ada, bob: bob, messages: messages} do
      %{"id" => id} = say(ada, messages, "mine")

      assert {403, %{"code" => 50_005}} =
               call(bob, :patch, "#{messages}/#{id}", %{content: "yours"})

      assert {404, %{"code" => 10_008}} = call(bob, :patch, "#{messages}/1", %{content: "yours"})

      assert {400, %{"code" => 50_006}} =
               call(ada, :patch, "#{messages}/#{id}", %{content: "", embeds: []})
    end

    test "a deleted message is gone", %{ada: ada, bob: bob, messages: messages} do
      %{"id" => id} = say(ada, messages, "mine")
      assert {403, %{"code" => 50_013}} = call(bob, :delete, "#{messages}/#{id}")
      assert {204, nil} = call(ada, :delete, "#{messages}/#{id}")
      assert {404, %{"code" => 10_008}} = call(ada, :get, "#{messages}/#{id}")
      assert {404, %{"code" => 10_008}} = call(ada, :delete, "#{messages}/#{id}")
    end

    test "many are deleted at once", %{ada: ada, bob: bob} = context do
      {_channel, messages} = channel(context)
      ids = for n <- 1..3, do: say(ada, messages, "#{n}")["id"]
      bulk = "#{messages}/bulk-delete"

      assert {403, %{"code" => 50_013}} = call(bob, :post, bulk, %{messages: ids})
      assert {400, %{"code" => 50_016}} = call(ada, :post, bulk, %{messages: [hd(ids)]})

      assert {400, %{"code" => 50_016}} =
               call(ada, :post, bulk, %{messages: Enum.to_list(1..101)})

      assert {400, %{"code" => 50_034}} = call(ada, :post, bulk, %{messages: ["1", hd(ids)]})
      assert {400, %{"code" => 50_035}} = call(ada, :post, bulk, %{})
      assert {204, nil} = call(ada, :post, bulk, %{messages: Enum.take(ids, 2)})
      assert {200, [%{"content" => "3"}]} = call(ada, :get, messages)
    end

    test "typing is said", %{ada: ada, channel: channel, node: node} do
      assert {204, nil} = call(ada, :post, "/channels/#{channel}/typing", %{})
      assert {204, nil} = call(ada, :post, "/channels/#{channel}/typing")
      assert {403, _error} = call(person(node, "eve"), :post, "/channels/#{channel}/typing")
    end
  end
end
