defmodule Guildhall.Native.HostileTest do
  use ExUnit.Case, async: true

  # Every NIF, and a strange term in every place of its arguments, however deep: it is refused with
  # ArgumentError or answered, no panic was caught on the way, and the VM lives. What is to come of which
  # term, the hostile tests of the modules say; this one is for the NIF that they forgot.

  alias Guildhall.{Frames, Native}
  alias Guildhall.Native.Store

  @moduletag :tmp_dir

  @sizes {1_048_576, 1_048_576, 65_536, 0}
  @max 0xFFFF_FFFF_FFFF_FFFF
  # These end what others need.
  @last [:outbox_socket_finish, :outbox_socket_close, :outbox_disconnect, :store_close]

  setup %{tmp_dir: path} do
    %{c: path |> handles() |> with_socket()}
  end

  test "no NIF is missing here", %{c: c} do
    assert Enum.sort(Keyword.keys(calls(c))) == Enum.sort(Keyword.keys(nifs()))

    for {name, arity} <- nifs(),
        do: assert(length(calls(c)[name]) == arity, "#{name} takes #{arity}")
  end

  test "a strange term in any place of any call is refused or answered", %{c: c} do
    strange = strange() ++ Map.values(Map.drop(c, [:path, :fd]))
    {last, first} = Enum.split_with(calls(c), fn {name, _right} -> name in @last end)

    for {name, right} <- first ++ last do
      # Or its places would say nothing.
      assert match?({:ok, _answer}, call(name, right)), "#{name} refuses the example"

      for term <- strange, arguments <- replaced(right, term), fit?(name, arguments) do
        case call(name, arguments) do
          {:ok, _answer} -> :ok
          {:error, %ArgumentError{}} -> :ok
          {:error, other} -> flunk("#{name}: #{inspect(other)} of #{inspect(term, limit: 5)}")
        end
      end
    end

    # What was called with all of that still works.
    assert Native.member_list_rank(c.list, 1) in 0..10
    assert {:ok, _rank} = Native.ordered_set_rank(c.set, 1)
    event = Native.outbox_event("LAST", "1", 0)
    outbox = Native.outbox_new(10, 1_000)
    assert Native.outbox_push(outbox, event) == :wake
    assert {:ok, frames, false} = Native.outbox_take(outbox, c.plain, 1_000)
    assert [{:text, ~s({"s":1,"t":"LAST","op":0,"d":1})}] = Frames.messages(frames)
  end

  # Arguments that are right, from which one at a time is replaced.
  defp calls(c) do
    [
      audience_new: [1, 2, @max],
      audience_attach: [c.audience, {7, 8, 3, 0, false}, [1, 2], c.outbox, self()],
      audience_detach: [c.audience, 99],
      audience_set_passive: [c.audience, 7, true],
      audience_follow: [c.audience, 7, ["topic", "other"]],
      audience_change: [
        c.audience,
        [
          {:role, 5, 1024},
          {:role_deleted, 6},
          {:owner, 3},
          {:member, 8, [1, 5]},
          {:channel, {10, :text, [{1, :role, 1024, 0}]}},
          {:channel_deleted, 11}
        ]
      ],
      audience_watch: [c.audience, [10], [{:role, 5, 0}]],
      audience_watch_more: [c.audience, c.moves],
      audience_moved: [c.audience, c.moves, 0],
      audience_ids: [c.audience],
      audience_sees: [c.audience, 7, 10],
      audience_outbox: [c.audience, 7],
      audience_size: [c.audience],
      audience_bytes: [c.audience],
      audience_of_user: [c.audience, 8],
      audience_memory: [],
      audience_dispatch: [c.audience, [c.item], 0, c.queue],
      audience_count: [c.audience, c.item, 0],
      audience_recipients: [c.audience, c.item, 0],
      member_list_new: [@max, 10],
      member_list_put: [c.list, 1, "name", :online],
      member_list_put_many: [c.list, [{1, "name", :online}, {2, "other", 5}]],
      member_list_delete: [c.list, 3],
      member_list_set_roles: [c.list, [5, 6]],
      member_list_set_absent: [c.list, 100],
      member_list_updates: [c.list, 0],
      member_list_subscribe: [c.list, 1, [0, 100]],
      member_list_subscribers: [c.list, [0, 100], 0],
      member_list_rank: [c.list, 1],
      member_list_slice: [c.list, 0, 10],
      member_list_groups: [c.list],
      member_list_counts: [c.list],
      member_list_bytes: [c.list],
      member_list_memory: [],
      member_list_sort_key: ["name"],
      member_list_id: [true, [{1, :allow}, {2, :deny}]],
      nif_loaded: [],
      ordered_set_new: [1_000_000],
      ordered_set_put: [c.set, {1, "key", [:a]}, "payload"],
      ordered_set_put_many: [c.set, [{1, "one"}, {2.5, "two"}], true],
      ordered_set_delete: [c.set, :none],
      ordered_set_rank: [c.set, 1],
      ordered_set_get: [c.set, 1],
      ordered_set_key: [{1, "key"}],
      ordered_set_slice: [c.set, 0, 10, true],
      ordered_set_scan: [c.set, c.key, c.key, 10, false],
      ordered_set_info: [c.set],
      ordered_set_clear: [Native.ordered_set_new(1_000_000)],
      ordered_set_snapshot: [c.set, "", 0],
      ordered_set_restore: [Native.ordered_set_new(1_000_000), c.snapshot, 0],
      ordered_set_memory: [],
      outbox_event: ["TYPE", ["[1", ?,, "2]"], 1],
      outbox_event_dirty: ["TYPE", ["[1", ?,, "2]"], 1],
      outbox_new: [10, 1_000],
      outbox_push: [c.outbox, c.event],
      outbox_push_many: [[c.outbox], [c.event, {c.event, [{c.outbox, c.event}]}], 0],
      outbox_take: [c.outbox, c.plain, 1_000],
      outbox_take_dirty: [c.outbox, c.plain, 1_000],
      outbox_acknowledge: [c.outbox, 1],
      outbox_resume: [c.outbox, 0],
      outbox_info: [c.outbox],
      outbox_memory: [],
      outbox_connect: [c.outbox, c.socket, c.plain],
      outbox_disconnect: [c.outbox],
      outbox_flush: [c.outbox],
      outbox_flush_dirty: [c.outbox],
      outbox_relieve: [c.outbox],
      outbox_fits: [c.outbox, c.event, 1_000],
      outbox_queue_new: [],
      outbox_queue_size: [c.queue],
      outbox_queue_flush: [c.queue, 10],
      outbox_socket_adopt: [c.fd, 1_000],
      outbox_socket_give: [c.socket, self()],
      outbox_socket_await: [c.socket],
      outbox_socket_read: [c.socket],
      outbox_socket_write: [c.socket, ["data"], false],
      outbox_socket_put: [c.socket, c.plain, ["{}"]],
      outbox_socket_put_dirty: [c.socket, c.plain, ["{}"]],
      outbox_socket_resume: [c.socket],
      outbox_socket_kept: [c.socket],
      outbox_socket_total: [c.socket],
      outbox_socket_finish: [c.socket],
      outbox_socket_close: [c.socket],
      outbox_transport_new: [:zlib_stream, :etf, :auto, 1_000],
      outbox_transport_without_context: [],
      outbox_transport_prime: [~s(["an event","an event"])],
      outbox_transport_frame: [c.plain, ["{", "}"]],
      outbox_transport_frame_dirty: [c.plain, ["{", "}"]],
      payload_encode: [%{"a" => [1, 2.5, nil], b: "c"}, 1_000],
      payload_encode_dirty: [c.text, c.rest, 100_000_000],
      payload_decode: [~s({"a":[1,2.5,null]})],
      payload_decode_dirty: [~s({"a":[1,2.5,null]})],
      payload_memory: [],
      permissions_new: [1, 2, [{1, 1024}], [c.channel], @max],
      permissions_change: [c.guild, [{:role, 5, 1024}, {:channel, c.channel}]],
      permissions_base: [c.guild, 7, [1]],
      permissions_overwritten: [c.guild, 10, 7, [1]],
      permissions_in_channel: [c.guild, 10, 7, [1], false],
      permissions_visible: [c.guild, 7, [1]],
      permissions_visible_dirty: [c.guild, 7, [1]],
      permissions_in_channel_many: [c.guild, 10, <<>>],
      permissions_in_channel_many_dirty: [c.guild, 10, <<>>],
      permissions_memory: [],
      reaper_tell: [:tag],
      reaper_info: [],
      ring_new: [[{"a", 100}, {"b", 200}], 1_000_000],
      ring_with: [c.ring, "c", 10],
      ring_without: [c.ring, "a"],
      ring_owner: [c.ring, "key"],
      ring_owner_of_integer: [c.ring, 1],
      ring_owners: [c.ring, "key", 2],
      ring_owners_dirty: [c.ring, "key", 2],
      ring_pick: [c.ring, "key", <<0::128>>, 1.25],
      ring_pick_dirty: [c.ring, "key", <<0::128>>, 1.25],
      ring_memory: [],
      thread_times: [true],
      # Its folder is in use, so that no strange size is allocated or written.
      store_open: [c.path, [{:rows, "rows"}], @sizes],
      store_submit: [c.store, [{:put, :rows, "p", "k", "v"}], self(), :tag],
      store_submit_dirty: [c.store, [{:put, :rows, "p", "k", "v"}], self(), :tag],
      store_get_many: [c.store, :rows, [{"p", "k"}]],
      store_scan: [c.store, :rows, "p", {{:included, "a"}, nil, :asc, 10}],
      store_read_all: [c.store, [{:rows, [{"p", "k"}]}, {:rows, "p", {nil, nil, :desc, 10}}]],
      store_stats: [c.store],
      store_close: [c.store]
    ]
  end

  defp handles(path) do
    {:ok, store} = Store.open(path, [:rows], @sizes)
    on_exit(fn -> Store.close(store) end)
    audience = Native.audience_new(1, 2, @max)
    channel = {10, :text, [{1, :role, 1024, 0}, {7, :member, 0, 1024}]}
    {:ok, []} = Native.audience_change(audience, [{:role, 1, 1024}, {:channel, channel}])
    {moves, true} = Native.audience_watch(audience, [10], [{:role, 1, 0}])
    {:ok, guild} = Native.permissions_new(1, 2, [{1, 1024}], [channel], @max)
    {:ok, ring} = Native.ring_new([{"a", 100}, {"b", 200}], 1_000_000)
    set = Native.ordered_set_new(1_000_000)
    {:ok, {:new, 0}} = Native.ordered_set_put(set, 1, "payload")
    {:ok, key} = Native.ordered_set_key(1)
    {snapshot, 1, nil} = Native.ordered_set_snapshot(set, "", 0)
    list = Native.member_list_new(@max, 10)
    {:ok, []} = Native.member_list_put(list, 1, "name", :online)
    {:more, text, rest} = Native.payload_encode([[%{a: 1}], [2, "three", 4]], 4)
    # A primer of somebody else's would be every stream's.
    zstd = Native.outbox_transport_new(:zstd_stream, :json, :shared, 0)
    "" <> _hello = Native.outbox_transport_frame(zstd, ~s({"op":10}))
    event = Native.outbox_event("EVENT", "{}", 0)

    %{
      audience: audience,
      channel: channel,
      event: event,
      guild: guild,
      item: {:room, event, {event, [1], event, 8}, {3, 1024, false, nil}, {[7], [9]}},
      key: key,
      list: list,
      moves: moves,
      outbox: Native.outbox_new(1_000_000, 1_000_000_000),
      path: path,
      plain: Native.outbox_transport_new(:plain, :json, :shared, 0),
      queue: Native.outbox_queue_new(),
      rest: rest,
      ring: ring,
      set: set,
      snapshot: snapshot,
      store: store,
      text: text
    }
  end

  # The one that is adopted stays open, for calls that adopt it anew.
  defp with_socket(handles) do
    {:ok, listener} = :gen_tcp.listen(0, ip: {127, 0, 0, 1}, active: false, mode: :binary)
    {:ok, port} = :inet.port(listener)
    {:ok, client} = :gen_tcp.connect({127, 0, 0, 1}, port, active: false, mode: :binary)
    {:ok, fd} = :prim_inet.getfd(client)
    {:ok, socket} = Native.outbox_socket_adopt(fd, 1_000_000)
    Map.merge(handles, %{fd: fd, socket: socket})
  end

  defp nifs, do: Native.__info__(:functions) -- [load: 0]

  defp call(name, arguments) do
    {:ok, apply(Native, name, arguments)}
  rescue
    error -> {:error, error}
  end

  # A path of ours would be made in the folder of the project.
  defp fit?(:store_open, [path | _rest]), do: not is_binary(path) or path =~ "HostileTest"
  # It is somebody else's.
  defp fit?(:outbox_socket_adopt, [fd | _rest]), do: not is_integer(fd) or fd not in 0..1_000_000
  defp fit?(_name, _arguments), do: true

  # The term in the place of each part, and in that of all at once.
  defp replaced([], _term), do: []

  defp replaced(arguments, term) do
    size = length(arguments)
    places = for list <- places(arguments, term), size?(list, size), do: list
    [List.duplicate(term, size) | places]
  end

  # Of a list also its rest is replaced, so that it may be improper.
  defp places([first | rest], term) do
    for(first <- [term | places(first, term)], do: [first | rest]) ++
      for rest <- [term | places(rest, term)], do: [first | rest]
  end

  defp places(tuple, term) when is_tuple(tuple) do
    size = tuple_size(tuple)

    for list <- places(Tuple.to_list(tuple), term), size?(list, size), do: List.to_tuple(list)
  end

  defp places(_leaf, _term), do: []

  defp size?(list, size), do: List.improper?(list) == false and length(list) == size

  defp strange do
    [
      -1,
      0,
      0xFFFF_FFFF,
      @max,
      @max + 1,
      -0x8000_0000_0000_0000,
      Integer.pow(10, 400),
      0.0,
      -1.5,
      1.0e300,
      :atom,
      nil,
      true,
      "",
      "text",
      <<255, 254>>,
      <<1::1>>,
      :binary.copy("x", 100_000),
      %{},
      %{a: 1},
      {},
      {1, 2, 3},
      [],
      [1 | 2],
      [[]],
      Enum.reduce(1..10_000, [], fn _n, inner -> [inner] end),
      Enum.reduce(1..10_000, {}, fn _n, inner -> {inner} end),
      List.duplicate(0, 5_000),
      make_ref(),
      self(),
      &is_atom/1
    ]
  end
end
