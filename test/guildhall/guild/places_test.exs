defmodule Guildhall.Guild.PlacesTest do
  use ExUnit.Case, async: true

  import Guildhall.GuildFixture

  alias Guildhall.Guild.{Keys, Places}
  alias Guildhall.{Store, Telemetry}

  setup do
    instance = start()
    owner = user(instance, "owner")
    guild = guild(instance, owner, [])
    %{instance: instance, owner: owner, guild: guild, channel: text_channel(guild)}
  end

  defp forget_row(context) do
    :ok = Store.write(context.instance, [{:delete, :channels, Keys.id(context.channel), "room"}])
  end

  test "a channel's room is read once", context do
    assert Places.fetch(context.instance, context.channel) == {:ok, context.guild.id}
    forget_row(context)
    assert Places.fetch(context.instance, context.channel) == {:ok, context.guild.id}
  end

  test "what is gone is read anew", context do
    assert Places.fetch(context.instance, context.channel) == {:ok, context.guild.id}
    forget_row(context)
    :ok = Places.gone(context.instance, [context.channel])
    assert Places.fetch(context.instance, context.channel) == {:error, :unknown_channel}
  end

  test "a channel that is none is not remembered", context do
    assert Places.fetch(context.instance, 5) == {:error, :unknown_channel}
    room = [{:put, :channels, Keys.id(5), "room", <<1, 7::64>>}]
    :ok = Store.write(context.instance, room)
    assert Places.fetch(context.instance, 5) == {:ok, 7}
  end

  test "a deleted channel has no room, however often it was asked for", context do
    command = {:create_channel, %{name: "more", type: 0}}
    {:ok, channel} = Guildhall.Guild.run(context.instance, context.guild.id, :operator, command)
    assert Guildhall.Guild.room(context.instance, channel.id) == {:ok, context.guild.id}
    delete = {:delete_channel, channel.id}
    {:ok, _channel} = Guildhall.Guild.run(context.instance, context.guild.id, :operator, delete)
    assert Guildhall.Guild.room(context.instance, channel.id) == {:error, :unknown_channel}
  end

  test "a full table is emptied, which is told", context do
    %{instance: instance, channel: channel} = context
    rooms = for id <- 5..6, do: {:put, :channels, Keys.id(id), "room", <<1, 7::64>>}
    :ok = Store.write(instance, rooms)
    {test, id} = {self(), make_ref()}

    :ok =
      Telemetry.attach(id, [[:guildhall, :guild, :places, :clear]], fn _event,
                                                                       measured,
                                                                       metadata ->
        if metadata.instance == instance, do: send(test, {:cleared, measured})
      end)

    on_exit(fn -> Telemetry.detach(id) end)
    assert {:ok, _room} = Places.fetch(instance, channel, 2)
    assert {:ok, 7} = Places.fetch(instance, 5, 2)
    assert {:ok, 7} = Places.fetch(instance, 6, 2)
    assert_received {:cleared, %{channels: 2}}
  end
end
