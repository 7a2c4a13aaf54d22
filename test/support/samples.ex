defmodule Guildhall.Samples do
  @moduledoc false

  # Whole structs of the model, every field filled, and PropEr generators of them.

  use Guildhall.Property

  alias Guildhall.Model.{Application, Ban, Channel, Guild, Member, Message, Overwrite, Role, User}

  @guild_id 1_174_109_841_002_725_376
  @channel_id 1_174_109_841_006_919_680
  @user_id 1_174_109_841_422_155_776
  @message_id 1_574_614_135_113_646_080

  def user do
    %User{
      id: @user_id,
      username: "ada",
      global_name: "Ada",
      avatar: "a_1",
      banner: "b_1",
      accent_color: 0xFF0000,
      bot: false,
      flags: 64
    }
  end

  def bot, do: %User{id: @user_id + 1, username: "bot-a", discriminator: "0001", bot: true}

  def application do
    %Application{
      id: @user_id + 1,
      name: "bot-a",
      owner_id: @user_id,
      description: "d",
      intents: 32_770
    }
  end

  def member do
    %Member{
      user: user(),
      nick: "The Countess",
      roles: [@guild_id + 1, @guild_id + 2],
      joined_at: 1_700_000_000_000,
      premium_since: 1_700_000_000_001,
      flags: 1,
      timeout_until: 1_700_000_000_002
    }
  end

  def role do
    %Role{
      id: @guild_id + 1,
      name: "mods",
      color: 0x00FF00,
      hoist: true,
      position: 2,
      permissions: 8
    }
  end

  def overwrite, do: %Overwrite{id: @guild_id, type: :role, allow: 1024, deny: 2048}

  def channel do
    %Channel{
      id: @channel_id,
      type: 0,
      guild_id: @guild_id,
      name: "general",
      topic: "talk",
      position: 1,
      parent_id: @channel_id - 1,
      overwrites: %{@guild_id => overwrite()},
      last_message_id: @message_id,
      last_pin_at: 1_700_000_000_003
    }
  end

  def direct_channel, do: %Channel{id: @channel_id + 9, type: 1, recipients: [@user_id, 7]}

  def guild do
    everyone = %{role() | id: @guild_id, name: "@everyone", hoist: false, position: 0}

    %Guild{
      id: @guild_id,
      name: "Conformance",
      owner_id: @user_id,
      icon: "i_1",
      description: "d",
      system_channel_id: @channel_id,
      features: ["COMMUNITY"],
      member_count: 6,
      roles: %{@guild_id => everyone, role().id => role()},
      channels: %{@channel_id => channel()}
    }
  end

  def ban, do: %Ban{user: user(), reason: "spam"}

  @doc "A message of a guild with one of everything."
  def message do
    %Message{
      id: @message_id,
      channel_id: @channel_id,
      guild_id: @guild_id,
      author: user(),
      member: member(),
      content: "hello <@#{bot().id}>",
      edited_at: 1_700_000_000_004,
      mentions: [{bot(), %Member{user: bot(), joined_at: 1_700_000_000_005}}],
      mention_roles: [@guild_id + 1],
      attachments: [
        %{
          id: @message_id + 1,
          filename: "a.png",
          size: 3,
          url: "http://localhost/a.png",
          proxy_url: "http://localhost/a.png",
          content_type: "image/png"
        }
      ],
      embeds: [
        %{type: "rich", title: "t", fields: [%{name: "n", value: "v", inline: false}]}
      ],
      components: [%{"type" => 1, "components" => []}],
      sticker_ids: [5],
      reactions: [%{emoji: %{id: nil, name: "🔥"}, count: 2, me: true}],
      nonce: "n-1",
      stream: 1,
      epoch: 2,
      index: 3
    }
  end

  def reply do
    link = %{type: 0, message_id: @message_id, channel_id: @channel_id, guild_id: @guild_id}
    %{message() | id: @message_id + 2, type: 19, reference: link, referenced: message()}
  end

  @doc "Any struct that has a row, with its transient fields empty."
  def storable do
    oneof([
      map({id(), text(), boolean()}, fn {id, name, bot} ->
        %User{id: id, username: name, global_name: name, bot: bot}
      end),
      map({id(), text(), id()}, fn {id, name, owner_id} ->
        %Application{id: id, name: name, owner_id: owner_id}
      end),
      map({id(), oneof([:guild, :dm]), list(text())}, fn {id, kind, features} ->
        %Guild{id: id, kind: kind, features: features}
      end),
      map({id(), text(), integer()}, fn {id, name, position} ->
        %Role{id: id, name: name, position: position, permissions: id}
      end),
      map({id(), list(id()), list(id())}, fn {id, recipients, overwrites} ->
        overwrites = Map.new(overwrites, &{&1, %Overwrite{id: &1, type: :member, allow: id}})
        %Channel{id: id, type: 1, recipients: recipients, overwrites: overwrites}
      end),
      map({text(), list(id())}, fn {nick, roles} -> %{member() | nick: nick, roles: roles} end),
      map(text(), &%Ban{user: user(), reason: &1}),
      map({id(), text(), resize(4, list(plain()))}, fn {id, content, embeds} ->
        message = %{reply() | id: id, content: content, embeds: Enum.filter(embeds, &is_map/1)}
        mentions = for {user, _member} <- message.mentions, do: {user, nil}
        message = %{message | mentions: mentions, member: nil, referenced: nil}
        %{message | reactions: [], nonce: nil}
      end)
    ])
  end

  def id, do: range(1, 0xFFFF_FFFF_FFFF_FFFF)

  def text, do: map(list(oneof([range(32, 126), range(0xA0, 0xD7FF)])), &List.to_string/1)

  @doc "What a JSON body can hold, three levels deep."
  def plain, do: plain(3)

  defp plain(0), do: oneof([resize(5, text()), integer(), boolean(), exactly(nil)])

  defp plain(depth) do
    nested = resize(3, list(plain(depth - 1)))
    key = oneof([resize(5, text()), exactly(:title), exactly(:fields)])

    oneof([
      plain(0),
      nested,
      map({resize(3, list(key)), nested}, fn {keys, values} -> Map.new(Enum.zip(keys, values)) end)
    ])
  end
end
