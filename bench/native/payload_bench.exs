# How fast is JSON, against jiffy, OTP's own and the best plain Elixir?
#
#     mix guildhall.bench payload
#
# `etf` is no JSON: the VM's own format, by a function that is part of the VM, shows what a walk over
# the term costs at the least. OTP has JSON from 27 on.

alias Guildhall.Payload
alias Guildhall.Payload.Reference

id = fn n -> Integer.to_string(1_174_109_841_002_725_376 + n * 4_194_304) end

user = fn n ->
  %{
    "id" => id.(n),
    "username" => "member #{n}",
    "global_name" => Enum.at(["Jörg", "日本語", "O'Brien", "Ann \"A\" Lee", nil], rem(n, 5)),
    "discriminator" => "0",
    "avatar" => "a_1269e74af4df7417b13759eae50c83dc",
    "bot" => rem(n, 20) == 0,
    "public_flags" => 4_194_304
  }
end

member = fn n ->
  %{
    "user" => user.(n),
    "nick" => if(rem(n, 3) == 0, do: "nick #{n}"),
    "roles" => for(role <- 1..rem(n, 5)//1, do: id.(role)),
    "joined_at" => "2023-11-14T22:13:20.000000+00:00",
    "deaf" => false,
    "mute" => false,
    "flags" => 0
  }
end

channel = fn n ->
  %{
    "id" => id.(n),
    "type" => 0,
    "name" => "channel-#{n}",
    "topic" => "What channel #{n} is about\nand how to behave",
    "position" => n,
    "parent_id" => id.(n - rem(n, 10)),
    "nsfw" => false,
    "rate_limit_per_user" => 0,
    "permission_overwrites" =>
      for role <- 1..3 do
        %{"id" => id.(role), "type" => 0, "allow" => "1024", "deny" => "2048"}
      end
  }
end

role = fn n ->
  %{
    "id" => id.(n),
    "name" => "role #{n}",
    "permissions" => "1071698660929",
    "position" => n,
    "color" => 3_447_003,
    "hoist" => true,
    "managed" => false,
    "mentionable" => false
  }
end

dispatch = fn type, data -> %{"op" => 0, "t" => type, "s" => 42, "d" => data} end

guild = fn members ->
  dispatch.("GUILD_CREATE", %{
    "id" => id.(0),
    "name" => "A guild of #{members}",
    "owner_id" => id.(1),
    "member_count" => members,
    "large" => true,
    "unavailable" => false,
    "channels" => Enum.map(1..50, channel),
    "roles" => Enum.map(1..30, role),
    "members" => Enum.map(1..members, member),
    "emojis" => [],
    "voice_states" => []
  })
end

message =
  dispatch.("MESSAGE_CREATE", %{
    "id" => id.(7),
    "channel_id" => id.(1),
    "guild_id" => id.(0),
    "type" => 0,
    "content" => "Did <@#{id.(3)}> see this? " <> String.duplicate("It is worth a look. ", 15),
    "timestamp" => "2023-11-14T22:13:20.000000+00:00",
    "edited_timestamp" => nil,
    "tts" => false,
    "pinned" => false,
    "mention_everyone" => false,
    "mentions" => [Map.put(user.(3), "member", Map.delete(member.(3), "user"))],
    "mention_roles" => [],
    "attachments" => [],
    "embeds" => [%{"type" => "rich", "title" => "Look", "color" => 3_447_003, "ratio" => 1.5}],
    "reactions" =>
      for(emoji <- ["👍", "🎉"], do: %{"count" => 3, "emoji" => %{"id" => nil, "name" => emoji}}),
    "author" => user.(5),
    "member" => Map.delete(member.(4), "user"),
    "nonce" => id.(8),
    "flags" => 0
  })

large = if Bench.quick?(), do: 500, else: 13_200
terms = [message: message, small_guild: guild.(425), large_guild: guild.(large)]
texts = for {_name, term} <- terms, do: Payload.encode!(term)

names =
  for {text, {name, _term}} <- Enum.zip(texts, terms) do
    kilobytes = byte_size(text) / 1_000
    size = if kilobytes < 1_000, do: {kilobytes, "KB"}, else: {kilobytes / 1_000, "MB"}
    "#{name}, #{Bench.Text.number(elem(size, 0))} #{elem(size, 1)}"
  end

json = if Code.ensure_loaded?(:json), do: :json
jiffy = :jiffy
{:module, ^jiffy} = Code.ensure_loaded(jiffy)

nulls = fn
  nil, _encode -> "null"
  term, encode -> json.encode_value(term, encode)
end

encoders = [
  jiffy: &jiffy.encode(&1, [:use_nil]),
  etf: &:erlang.term_to_binary/1,
  otp: json && (&json.encode(&1, nulls)),
  reference: &elem(Reference.encode(&1), 1),
  nif: &Payload.encode!/1
]

decoders = [
  jiffy: &jiffy.decode(&1, [:return_maps, :use_nil]),
  otp: json && (&elem(json.decode(&1, :ok, %{null: nil}), 0)),
  reference: &elem(Reference.decode(&1), 1),
  nif: &Payload.decode!/1
]

there = fn contenders -> Enum.filter(contenders, &elem(&1, 1)) end

# The order of keys is each encoder's own, so they agree in what is read of what they wrote.
for {name, encode} <- there.(encoders), {_size, term} <- terms do
  read = if name == :etf, do: &:erlang.binary_to_term/1, else: &Payload.decode!/1
  true = term == term |> encode.() |> IO.iodata_to_binary() |> read.()
end

goals = Map.new(Enum.zip(names, times: 2.5, times: 2.5, times: 1.8))

Bench.compare(
  "payload: encode",
  Enum.zip(names, Keyword.values(terms)),
  for({name, encode} <- there.(encoders), do: {name, &(encode.(&1) && :ok)}),
  goal: goals
)

Bench.compare("payload: decode", Enum.zip(names, texts), there.(decoders), goal: goals)

%{bytes: bytes, count: count} = Payload.memory()
Bench.figure("native memory that #{count} buffers keep", bytes / 1_000_000, "MB")
