# How many messages a second does a room take, and what does it gain by not waiting for the store?
#
#     mix guildhall.bench guild
#
# Posters who each wait for their answer before they post again, on one room and a store that syncs
# the disk. The baseline is a room that does nothing but write one message after the other.

alias Guildhall.{Guild, Relay, Store, User}
alias Guildhall.Model.Message

defmodule Bench.Waiting do
  use GenServer

  alias Guildhall.Model.Row
  alias Guildhall.Store

  def init(instance), do: {:ok, instance}

  def handle_call({:post, message}, _from, instance) do
    {:ok, id} = Store.next_id(instance)
    row = Row.encode(%{message | id: id})
    {:reply, Store.write(instance, [{:put, :messages, "bench", <<id::64>>, row}]), instance}
  end
end

instance = Bench.Rooms
path = Path.join(System.tmp_dir!(), "guildhall_bench_#{System.os_time()}")
{:ok, _} = Store.start_link(instance: instance, path: path)
{:ok, _} = User.start_link(instance: instance)
{:ok, _} = Relay.start_link(instance: instance)
{:ok, _} = Guild.start_link(instance: instance, max_in_flight: 4_096)
{:ok, waiting} = GenServer.start_link(Bench.Waiting, instance)

{:ok, owner} = User.create(instance, %{username: "owner"})
{:ok, guild} = Guild.create(instance, %{name: "bench", owner_id: owner.id})
[channel_id] = for {id, %{type: 0}} <- guild.channels, do: id
content = String.duplicate("hello ", 20)
message = %Message{id: 0, channel_id: channel_id, author: owner, content: content}

each = 20

post = fn posters, fun ->
  1..posters
  |> Enum.map(fn _ -> Task.async(fn -> for _ <- 1..each, do: fun.() end) end)
  |> Task.await_many(:infinity)
  |> Enum.concat()
  |> Enum.count(&(&1 == :ok))
end

sizes = if Bench.quick?(), do: [1, 16], else: [1, 16, 256]
inputs = for n <- sizes, do: {"#{n} posters", n}

Bench.compare(
  "guild: messages to a room, time of one",
  inputs,
  [
    waiting: fn posters ->
      post.(posters, fn -> GenServer.call(waiting, {:post, message}, :infinity) end)
    end,
    room: fn posters ->
      command = {:create_message, channel_id, %{content: content}}

      post.(posters, fn ->
        with {:ok, _message} <- Guild.run(instance, guild.id, owner.id, command), do: :ok
      end)
    end
  ],
  per: &(&1 * each)
)

File.rm_rf!(path)
