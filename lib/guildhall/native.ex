defmodule Guildhall.Native do
  @moduledoc false

  # The one module that loads `native/guildhall_nif`. A stub per NIF, grouped by
  # the Rust file that implements it; docs, guards and defaults belong to the
  # public module of the same name (`Guildhall.MemberList`, ...).

  @on_load :load

  @doc false
  def load do
    :guildhall
    |> Application.app_dir("priv/native/guildhall_nif")
    |> String.to_charlist()
    |> :erlang.load_nif(0)
  end

  # lib.rs

  @spec nif_loaded() :: true
  def nif_loaded, do: not_loaded()

  # audience.rs, audience_dispatch.rs

  @type audience :: reference()
  @type moves :: reference()
  @type plan :: reference()
  @typep dispatched ::
           {count :: non_neg_integer(), wake :: [pid()], full :: [non_neg_integer()]}

  @spec audience_new(non_neg_integer(), non_neg_integer() | nil, non_neg_integer()) :: audience()
  def audience_new(_guild_id, _owner_id, _max_bytes), do: not_loaded()

  @spec audience_attach(
          audience(),
          tuple(),
          [non_neg_integer()] | binary(),
          outbox() | nil,
          pid()
        ) ::
          {:ok, new? :: boolean()} | {:error, :memory_limit | :too_many}
  def audience_attach(_audience, _session, _roles, _outbox, _pid), do: not_loaded()

  @spec audience_detach(audience(), non_neg_integer()) :: boolean()
  def audience_detach(_audience, _key), do: not_loaded()

  @spec audience_set_passive(audience(), non_neg_integer(), boolean()) :: boolean()
  def audience_set_passive(_audience, _key, _passive?), do: not_loaded()

  @spec audience_follow(audience(), non_neg_integer(), [binary()]) ::
          {:ok, here? :: boolean()} | {:error, :memory_limit | :too_many}
  def audience_follow(_audience, _key, _topics), do: not_loaded()

  @spec audience_change(audience(), [tuple()]) ::
          {:ok, rest :: [tuple()]} | {:error, :memory_limit | :too_many}
  def audience_change(_audience, _changes), do: not_loaded()

  @spec audience_watch(audience(), [non_neg_integer()] | binary(), [tuple()]) ::
          {moves(), done? :: boolean()}
  def audience_watch(_audience, _channel_ids, _changes), do: not_loaded()

  @spec audience_watch_more(audience(), moves()) :: done? :: boolean()
  def audience_watch_more(_audience, _moves), do: not_loaded()

  @spec audience_moved(audience(), moves(), from :: non_neg_integer()) ::
          {[{non_neg_integer(), boolean(), boolean()}], next :: non_neg_integer() | nil}
  def audience_moved(_audience, _moves, _from), do: not_loaded()

  @spec audience_ids(audience()) :: {role_ids :: binary(), channel_ids :: binary()}
  def audience_ids(_audience), do: not_loaded()

  @spec audience_sees(audience(), non_neg_integer(), non_neg_integer()) :: boolean()
  def audience_sees(_audience, _key, _channel_id), do: not_loaded()

  @spec audience_outbox(audience(), non_neg_integer()) :: Guildhall.Outbox.t() | nil
  def audience_outbox(_audience, _key), do: not_loaded()

  @spec audience_size(audience()) :: non_neg_integer()
  def audience_size(_audience), do: not_loaded()

  @spec audience_bytes(audience()) :: non_neg_integer()
  def audience_bytes(_audience), do: not_loaded()

  @spec audience_of_user(audience(), non_neg_integer()) :: binary()
  def audience_of_user(_audience, _user_id), do: not_loaded()

  @spec audience_memory() :: {count :: non_neg_integer(), bytes :: non_neg_integer()}
  def audience_memory, do: not_loaded()

  @spec audience_dispatch(
          audience(),
          tuple() | [tuple()] | plan(),
          from :: non_neg_integer(),
          queue() | nil
        ) :: dispatched() | {next :: non_neg_integer(), plan(), dispatched()} | :many
  def audience_dispatch(_audience, _items, _from, _queue), do: not_loaded()

  @spec audience_count(audience(), tuple(), from :: non_neg_integer()) ::
          {next :: non_neg_integer() | nil, non_neg_integer()}
  def audience_count(_audience, _item, _from), do: not_loaded()

  @spec audience_recipients(audience(), tuple(), from :: non_neg_integer()) ::
          {next :: non_neg_integer() | nil, binary()}
  def audience_recipients(_audience, _item, _from), do: not_loaded()

  # member_list.rs

  @type member_list :: reference()
  @typep group :: non_neg_integer() | :online | :offline
  @typep item :: non_neg_integer() | {:group, group(), pos_integer()}
  @typep told :: {:ok, [tuple()]} | {:more, [tuple()], next :: non_neg_integer()}
  @typep refusal :: {:error, atom()}

  @spec member_list_new(pos_integer(), pos_integer()) :: member_list()
  def member_list_new(_max_bytes, _max_subscribers), do: not_loaded()

  @spec member_list_put(member_list(), non_neg_integer(), binary(), group()) :: told() | refusal()
  def member_list_put(_list, _id, _name, _group), do: not_loaded()

  @spec member_list_put_many(member_list(), [tuple()]) :: {:ok, rest :: [tuple()]} | refusal()
  def member_list_put_many(_list, _members), do: not_loaded()

  @spec member_list_delete(member_list(), non_neg_integer()) :: told() | refusal()
  def member_list_delete(_list, _id), do: not_loaded()

  @spec member_list_set_roles(member_list(), [non_neg_integer()]) :: :ok | :more | refusal()
  def member_list_set_roles(_list, _roles), do: not_loaded()

  @spec member_list_set_absent(member_list(), non_neg_integer()) :: :ok
  def member_list_set_absent(_list, _absent), do: not_loaded()

  @spec member_list_updates(member_list(), from :: non_neg_integer()) :: told()
  def member_list_updates(_list, _from), do: not_loaded()

  @spec member_list_subscribe(member_list(), non_neg_integer(), [non_neg_integer()]) ::
          {:ok, [tuple()]} | refusal()
  def member_list_subscribe(_list, _subscriber, _windows), do: not_loaded()

  @spec member_list_subscribers(member_list(), [non_neg_integer()], from :: non_neg_integer()) ::
          binary()
  def member_list_subscribers(_list, _windows, _from), do: not_loaded()

  @spec member_list_rank(member_list(), non_neg_integer()) ::
          non_neg_integer() | :hidden | :not_found
  def member_list_rank(_list, _id), do: not_loaded()

  @spec member_list_slice(member_list(), non_neg_integer(), non_neg_integer()) :: [item()]
  def member_list_slice(_list, _from, _count), do: not_loaded()

  @spec member_list_groups(member_list()) :: [{group(), pos_integer()}]
  def member_list_groups(_list), do: not_loaded()

  @spec member_list_counts(member_list()) ::
          {members :: non_neg_integer(), online :: non_neg_integer(),
           indexes :: non_neg_integer()}
  def member_list_counts(_list), do: not_loaded()

  @spec member_list_bytes(member_list()) :: non_neg_integer()
  def member_list_bytes(_list), do: not_loaded()

  @spec member_list_memory() :: {count :: non_neg_integer(), bytes :: non_neg_integer()}
  def member_list_memory, do: not_loaded()

  @spec member_list_sort_key(binary()) :: binary()
  def member_list_sort_key(_name), do: not_loaded()

  @spec member_list_id(boolean(), [{non_neg_integer(), :allow | :deny}]) :: binary()
  def member_list_id(_everyone_sees, _overwrites), do: not_loaded()

  # ordered_set.rs

  @type ordered_set :: reference()
  @typep stored_key :: binary()

  @spec ordered_set_new(pos_integer()) :: ordered_set()
  def ordered_set_new(_max_bytes), do: not_loaded()

  @spec ordered_set_put(ordered_set(), term(), binary()) ::
          {:ok, {:new | :known, non_neg_integer()}}
          | {:error, :memory_limit | :too_large | :unsupported}
  def ordered_set_put(_set, _key, _payload), do: not_loaded()

  @spec ordered_set_put_many(ordered_set(), list(), boolean()) ::
          {:ok | :memory_limit | :too_large | :unsupported, new :: non_neg_integer(),
           rest :: list()}
  def ordered_set_put_many(_set, _list, _with_payloads), do: not_loaded()

  @spec ordered_set_delete(ordered_set(), term()) ::
          {:ok, non_neg_integer()} | {:error, :not_found | :too_large | :unsupported}
  def ordered_set_delete(_set, _key), do: not_loaded()

  @spec ordered_set_rank(ordered_set(), term()) ::
          {:ok, non_neg_integer()} | {:error, :not_found | :too_large | :unsupported}
  def ordered_set_rank(_set, _key), do: not_loaded()

  @spec ordered_set_get(ordered_set(), term()) ::
          {:ok, binary()} | {:error, :not_found | :too_large | :unsupported}
  def ordered_set_get(_set, _key), do: not_loaded()

  @spec ordered_set_key(term()) :: {:ok, stored_key()} | {:error, :too_large | :unsupported}
  def ordered_set_key(_key), do: not_loaded()

  @spec ordered_set_slice(ordered_set(), non_neg_integer(), non_neg_integer(), boolean()) ::
          {list(), stored_key() | nil}
  def ordered_set_slice(_set, _rank, _count, _with_payloads), do: not_loaded()

  @spec ordered_set_scan(
          ordered_set(),
          stored_key(),
          stored_key() | nil,
          non_neg_integer(),
          boolean()
        ) :: {list(), stored_key() | nil}
  def ordered_set_scan(_set, _from, _until, _count, _with_payloads), do: not_loaded()

  @spec ordered_set_info(ordered_set()) ::
          {entries :: non_neg_integer(), bytes :: pos_integer(), max_bytes :: pos_integer()}
  def ordered_set_info(_set), do: not_loaded()

  @spec ordered_set_clear(ordered_set()) :: :ok
  def ordered_set_clear(_set), do: not_loaded()

  @spec ordered_set_snapshot(ordered_set(), stored_key(), non_neg_integer()) ::
          {binary(), non_neg_integer(), stored_key() | nil}
  def ordered_set_snapshot(_set, _from, _before), do: not_loaded()

  @spec ordered_set_restore(ordered_set(), binary(), non_neg_integer()) ::
          {:ok, non_neg_integer() | nil} | {:error, :invalid | :unknown_atom | :memory_limit}
  def ordered_set_restore(_set, _snapshot, _place), do: not_loaded()

  @spec ordered_set_memory() :: gauge()
  def ordered_set_memory, do: not_loaded()

  # outbox.rs

  @type event :: reference()
  @type outbox :: reference()
  @type transport :: reference()

  @spec outbox_event(binary(), iodata(), source :: non_neg_integer()) :: event()
  def outbox_event(_type, _data, _source), do: not_loaded()

  @spec outbox_event_dirty(binary(), iodata(), source :: non_neg_integer()) :: event()
  def outbox_event_dirty(_type, _data, _source), do: not_loaded()

  @spec outbox_new(pos_integer(), pos_integer()) :: outbox()
  def outbox_new(_max_events, _max_bytes), do: not_loaded()

  @spec outbox_push(outbox(), event()) :: :wake | :queued | :full
  def outbox_push(_outbox, _event), do: not_loaded()

  @spec outbox_push_many(
          [outbox()],
          [event() | {event(), [{outbox(), event() | nil}]}],
          first :: non_neg_integer()
        ) ::
          {wake :: [non_neg_integer()], full :: [non_neg_integer()], rest :: [outbox()],
           next :: non_neg_integer()}
  def outbox_push_many(_outboxes, _events, _first), do: not_loaded()

  @spec outbox_take(outbox(), transport(), non_neg_integer()) ::
          {:ok, binary(), boolean()} | :empty | :beyond
  def outbox_take(_outbox, _transport, _max_bytes), do: not_loaded()

  @spec outbox_take_dirty(outbox(), transport(), non_neg_integer()) ::
          {:ok, binary(), boolean()} | :empty
  def outbox_take_dirty(_outbox, _transport, _max_bytes), do: not_loaded()

  @spec outbox_acknowledge(outbox(), non_neg_integer()) :: :ok
  def outbox_acknowledge(_outbox, _number), do: not_loaded()

  @spec outbox_resume(outbox(), non_neg_integer()) :: :ok | {:error, :gone | :invalid}
  def outbox_resume(_outbox, _number), do: not_loaded()

  @spec outbox_info(outbox()) :: %{atom() => non_neg_integer() | boolean()}
  def outbox_info(_outbox), do: not_loaded()

  @typep gauge :: {count :: non_neg_integer(), bytes :: non_neg_integer()}
  @spec outbox_memory() :: [gauge()]
  def outbox_memory, do: not_loaded()

  # outbox_link.rs

  @typedoc "Outboxes that wait to be flushed, mutable."
  @type queue :: reference()

  @spec outbox_connect(outbox(), socket(), transport()) :: :ok
  def outbox_connect(_outbox, _socket, _transport), do: not_loaded()

  @spec outbox_disconnect(outbox()) :: :ok
  def outbox_disconnect(_outbox), do: not_loaded()

  @spec outbox_flush(outbox()) :: :idle | :more | :blocked | :lost | :unconnected | :beyond
  def outbox_flush(_outbox), do: not_loaded()

  @spec outbox_flush_dirty(outbox()) :: :idle | :more | :blocked | :lost | :unconnected
  def outbox_flush_dirty(_outbox), do: not_loaded()

  @spec outbox_relieve(outbox()) ::
          {[{source :: pos_integer(), events :: pos_integer(), bytes :: pos_integer()}],
           full? :: boolean()}
  def outbox_relieve(_outbox), do: not_loaded()

  @spec outbox_fits(outbox(), event(), max_bytes :: non_neg_integer()) :: boolean()
  def outbox_fits(_outbox, _event, _max_bytes), do: not_loaded()

  @spec outbox_queue_new() :: queue()
  def outbox_queue_new, do: not_loaded()

  @spec outbox_queue_size(queue()) :: non_neg_integer()
  def outbox_queue_size(_queue), do: not_loaded()

  @spec outbox_queue_flush(queue(), most :: non_neg_integer()) ::
          {left :: non_neg_integer(), tried :: non_neg_integer(), blocked :: [non_neg_integer()],
           tell :: [pid()]}
  def outbox_queue_flush(_queue, _most), do: not_loaded()

  # outbox_socket.rs

  @typedoc "A TCP connection and who owns it, mutable."
  @type socket :: reference()

  @spec outbox_socket_adopt(fd :: integer(), limit :: pos_integer()) ::
          {:ok, socket()} | {:error, :unsupported}
  def outbox_socket_adopt(_fd, _limit), do: not_loaded()

  @spec outbox_socket_give(socket(), pid()) :: :ok | :error
  def outbox_socket_give(_socket, _pid), do: not_loaded()

  @spec outbox_socket_await(socket()) :: :ok | :lost
  def outbox_socket_await(_socket), do: not_loaded()

  @spec outbox_socket_read(socket()) :: {:ok, binary()} | :empty | :lost
  def outbox_socket_read(_socket), do: not_loaded()

  @spec outbox_socket_write(socket(), iodata(), last? :: boolean()) ::
          :ok | :blocked | :slow | :lost
  def outbox_socket_write(_socket, _data, _last?), do: not_loaded()

  @spec outbox_socket_put(socket(), transport(), iodata()) ::
          :ok | :blocked | :slow | :lost | :beyond
  def outbox_socket_put(_socket, _transport, _payload), do: not_loaded()

  @spec outbox_socket_put_dirty(socket(), transport(), iodata()) ::
          :ok | :blocked | :slow | :lost
  def outbox_socket_put_dirty(_socket, _transport, _payload), do: not_loaded()

  @spec outbox_socket_resume(socket()) :: :ok | :blocked | :lost
  def outbox_socket_resume(_socket), do: not_loaded()

  @spec outbox_socket_kept(socket()) :: non_neg_integer()
  def outbox_socket_kept(_socket), do: not_loaded()

  @spec outbox_socket_total(socket()) :: non_neg_integer()
  def outbox_socket_total(_socket), do: not_loaded()

  @spec outbox_socket_finish(socket()) :: :ok
  def outbox_socket_finish(_socket), do: not_loaded()

  @spec outbox_socket_close(socket()) :: :ok
  def outbox_socket_close(_socket), do: not_loaded()

  # outbox_transport.rs

  @spec outbox_transport_new(
          :plain | :zlib_stream | :zstd_stream,
          :json | :etf,
          :shared | :context | :auto,
          context_bytes :: non_neg_integer()
        ) :: transport()
  def outbox_transport_new(_kind, _encoding, _compression, _context_bytes), do: not_loaded()

  @spec outbox_transport_without_context() :: non_neg_integer()
  def outbox_transport_without_context, do: not_loaded()

  @spec outbox_transport_prime(binary()) :: :ok | :in_use | :unfit
  def outbox_transport_prime(_json), do: not_loaded()

  @spec outbox_transport_frame(transport(), iodata()) :: binary() | :beyond
  def outbox_transport_frame(_transport, _payload), do: not_loaded()

  @spec outbox_transport_frame_dirty(transport(), iodata()) :: binary()
  def outbox_transport_frame_dirty(_transport, _payload), do: not_loaded()

  # reaper.rs

  @spec reaper_tell(term()) :: boolean()
  def reaper_tell(_tag), do: not_loaded()

  @spec reaper_info() :: {waiting :: non_neg_integer(), refused :: non_neg_integer()}
  def reaper_info, do: not_loaded()

  # ring.rs

  @type ring :: reference()

  @spec ring_new([{name :: binary(), points :: pos_integer()}], max_bytes :: pos_integer()) ::
          {:ok, ring()} | {:error, :duplicate | :memory_limit}
  def ring_new(_members, _max_bytes), do: not_loaded()

  @spec ring_with(ring(), name :: binary(), points :: pos_integer()) ::
          {:ok, ring()} | {:error, :duplicate | :memory_limit}
  def ring_with(_ring, _name, _points), do: not_loaded()

  @spec ring_without(ring(), name :: binary()) :: ring()
  def ring_without(_ring, _name), do: not_loaded()

  @spec ring_owner(ring(), binary()) :: non_neg_integer() | nil
  def ring_owner(_ring, _key), do: not_loaded()

  @spec ring_owner_of_integer(ring(), non_neg_integer()) :: non_neg_integer() | nil
  def ring_owner_of_integer(_ring, _key), do: not_loaded()

  @spec ring_owners(ring(), binary(), pos_integer()) ::
          {:ok, [non_neg_integer()]} | {:error, :more}
  def ring_owners(_ring, _key, _count), do: not_loaded()

  @spec ring_owners_dirty(ring(), binary(), pos_integer()) :: {:ok, [non_neg_integer()]}
  def ring_owners_dirty(_ring, _key, _count), do: not_loaded()

  @spec ring_pick(ring(), binary(), loads :: binary(), factor :: float()) ::
          {:ok, non_neg_integer() | nil} | {:error, :more}
  def ring_pick(_ring, _key, _loads, _factor), do: not_loaded()

  @spec ring_pick_dirty(ring(), binary(), loads :: binary(), factor :: float()) ::
          {:ok, non_neg_integer() | nil}
  def ring_pick_dirty(_ring, _key, _loads, _factor), do: not_loaded()

  @spec ring_memory() :: {count :: non_neg_integer(), bytes :: non_neg_integer()}
  def ring_memory, do: not_loaded()

  # store.rs

  @type store :: reference()

  @spec store_open(binary(), [{atom(), binary()}], tuple()) :: {:ok, store()} | {:error, atom()}
  def store_open(_path, _tables, _sizes), do: not_loaded()

  @spec store_submit(store(), [tuple()], pid(), term()) :: :ok | {:error, atom()}
  def store_submit(_store, _ops, _pid, _tag), do: not_loaded()

  @spec store_submit_dirty(store(), [tuple()], pid(), term()) :: :ok | {:error, atom()}
  def store_submit_dirty(_store, _ops, _pid, _tag), do: not_loaded()

  @spec store_get_many(store(), atom(), [{binary(), binary()}]) ::
          {:ok, [binary() | nil]} | {:error, :unavailable}
  def store_get_many(_store, _table, _rows), do: not_loaded()

  @spec store_scan(store(), atom(), binary(), tuple()) ::
          {:ok, {[{binary(), binary()}], boolean()}} | {:error, :unavailable}
  def store_scan(_store, _table, _partition, _range), do: not_loaded()

  @spec store_read_all(store(), [tuple()]) :: {:ok, [term()]} | {:error, :unavailable}
  def store_read_all(_store, _requests), do: not_loaded()

  @spec store_stats(store()) :: %{atom() => non_neg_integer()}
  def store_stats(_store), do: not_loaded()

  @spec store_close(store()) :: :ok
  def store_close(_store), do: not_loaded()

  # payload.rs

  @type payload_refusal ::
          {:error, {atom(), non_neg_integer() | nil, term(), [atom() | binary() | integer()]}}

  @spec payload_encode(term(), max_bytes :: pos_integer()) ::
          {:ok, binary()} | {:more, text :: binary(), rest :: term()} | payload_refusal()
  def payload_encode(_term, _max_bytes), do: not_loaded()

  @spec payload_encode_dirty(text :: binary(), rest :: term(), max_bytes :: pos_integer()) ::
          {:ok, binary()} | payload_refusal()
  def payload_encode_dirty(_text, _rest, _max_bytes), do: not_loaded()

  @spec payload_decode(binary()) :: {:ok, term()} | {:error, {atom(), non_neg_integer()}}
  def payload_decode(_text), do: not_loaded()

  @spec payload_decode_dirty(binary()) :: {:ok, term()} | {:error, {atom(), non_neg_integer()}}
  def payload_decode_dirty(_text), do: not_loaded()

  @spec payload_memory() :: {count :: non_neg_integer(), bytes :: non_neg_integer()}
  def payload_memory, do: not_loaded()

  # permissions.rs

  @type permissions :: reference()
  @typep u64 :: non_neg_integer()
  @typep roles :: [non_neg_integer()] | binary()

  @spec permissions_new(u64(), u64() | nil, [tuple()], [tuple()], u64()) ::
          {:ok, permissions()} | {:error, :memory_limit}
  def permissions_new(_id, _owner, _roles, _channels, _max_bytes), do: not_loaded()

  @spec permissions_change(permissions(), [tuple()]) ::
          {:ok, permissions()} | {:error, :memory_limit}
  def permissions_change(_guild, _changes), do: not_loaded()

  @spec permissions_base(permissions(), u64(), roles()) :: u64()
  def permissions_base(_guild, _user, _roles), do: not_loaded()

  @spec permissions_overwritten(permissions(), u64(), u64(), roles()) :: u64()
  def permissions_overwritten(_guild, _channel, _user, _roles), do: not_loaded()

  @spec permissions_in_channel(permissions(), u64(), u64(), roles(), boolean()) :: u64()
  def permissions_in_channel(_guild, _channel, _user, _roles, _timed_out), do: not_loaded()

  @spec permissions_visible(permissions(), u64(), roles()) :: [u64()] | :beyond
  def permissions_visible(_guild, _user, _roles), do: not_loaded()

  @spec permissions_visible_dirty(permissions(), u64(), roles()) :: [u64()]
  def permissions_visible_dirty(_guild, _user, _roles), do: not_loaded()

  @spec permissions_in_channel_many(permissions(), u64(), binary()) :: binary()
  def permissions_in_channel_many(_guild, _channel, _members), do: not_loaded()

  @spec permissions_in_channel_many_dirty(permissions(), u64(), binary()) :: binary()
  def permissions_in_channel_many_dirty(_guild, _channel, _members), do: not_loaded()

  @spec permissions_memory() :: {count :: u64(), bytes :: u64()}
  def permissions_memory, do: not_loaded()

  # thread.rs

  @spec thread_times(after? :: boolean()) ::
          {clock :: non_neg_integer(), cpu :: non_neg_integer(), ready :: non_neg_integer(),
           sleeps :: non_neg_integer()}
  def thread_times(_after?), do: not_loaded()

  defp not_loaded, do: :erlang.nif_error(:nif_not_loaded)
end
