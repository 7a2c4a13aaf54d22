defmodule Guildhall.Outbox.Reference do
  @moduledoc """
  `Guildhall.Outbox` in plain Elixir, as a value: the oracle of its properties, and the baseline
  of its benchmark.

  Plain and zlib transports only: OTP 25 has no zstd, of which the tests have a decoder. For ETF it makes
  atoms of names, so it is for data that one knows.
  """

  alias Guildhall.Outbox
  alias Guildhall.Outbox.Socket
  alias Guildhall.Payload

  # Bytes of JSON that one flush takes, about.
  @write 65_536

  defstruct [
    :max_events,
    :max_bytes,
    events: %{},
    sequence: 0,
    taken: 0,
    fresh: 0,
    acknowledged: 0,
    woken: false,
    overflowed: false
  ]

  @opaque t :: %__MODULE__{}
  @type event :: binary()
  @type flushed :: :idle | :more | :blocked | :behind | :lost | :unconnected
  @type transport :: :plain | {:zlib, :zlib.zstream()} | {:etf, transport()}

  @doc "Makes an event."
  @spec event(String.t(), iodata()) :: event()
  def event(type, data_json) do
    IO.iodata_to_binary([~s("t":"), type, ~s(","op":0,"d":), data_json, "}"])
  end

  @doc "Makes an empty outbox."
  @spec new(keyword()) :: t()
  def new(options \\ []) do
    %__MODULE__{
      max_events: Keyword.get(options, :max_events, 10_000),
      max_bytes: Keyword.get(options, :max_bytes, 4_194_304)
    }
  end

  @doc "Makes a transport. The calling process owns it."
  @spec transport(:plain | :zlib_stream, :json | :etf) :: transport()
  def transport(kind, encoding \\ :json)
  def transport(kind, :etf), do: {:etf, transport(kind, :json)}
  def transport(:plain, :json), do: :plain

  def transport(:zlib_stream, :json) do
    stream = :zlib.open()
    :ok = :zlib.deflateInit(stream)
    {:zlib, stream}
  end

  @doc "Gives the event the next number and keeps it."
  @spec push(t(), event()) :: {:wake | :queued | :full, t()}
  def push(%{overflowed: true} = outbox, _event), do: {:full, outbox}

  def push(%{sequence: sequence} = outbox, event) do
    if beyond?(outbox, 4) do
      {:full, %{outbox | overflowed: true, events: %{}, taken: sequence, fresh: sequence}}
    else
      events = Map.put(outbox.events, sequence + 1, event)
      pushed = trim(%{outbox | events: events, sequence: sequence + 1, woken: true})

      cond do
        beyond?(outbox, 2) -> {:full, pushed}
        outbox.woken -> {:queued, pushed}
        true -> {:wake, pushed}
      end
    end
  end

  defp beyond?(outbox, times) do
    unsent = after_number(outbox, outbox.fresh)
    length(unsent) >= times * outbox.max_events or bytes(unsent) >= times * outbox.max_bytes
  end

  @doc "Drops the unsent events of the largest sources, if the outbox is full."
  @spec relieve(t()) ::
          {{dropped :: [{Outbox.source(), pos_integer(), pos_integer()}], full? :: boolean()},
           t()}
  def relieve(outbox) do
    if outbox.overflowed or not beyond?(outbox, 2),
      do: {{[], outbox.overflowed}, outbox},
      else: drop(outbox)
  end

  defp drop(outbox) do
    unsent = after_number(outbox, outbox.fresh)

    share = fn {_source, events, bytes} ->
      events / outbox.max_events + bytes / outbox.max_bytes
    end

    sources =
      for {source, numbered} <- Enum.group_by(unsent, fn {_n, event} -> source(event) end),
          source != 0,
          do: {source, length(numbered), bytes(numbered)}

    {dropped, _left} =
      sources
      |> Enum.sort_by(&{-share.(&1), elem(&1, 0)})
      |> Enum.flat_map_reduce({length(unsent), bytes(unsent)}, fn
        {_source, events, bytes} = of, {count, all}
        when count > outbox.max_events or all > outbox.max_bytes ->
          {[of], {count - events, all - bytes}}

        _of, left ->
          {:halt, left}
      end)

    gone = for {source, _events, _bytes} <- dropped, do: source
    {sent, unsent} = Enum.split_with(outbox.events, fn {number, _} -> number <= outbox.fresh end)
    left = for {_n, event} <- Enum.sort(unsent), source(event) not in gone, do: event
    numbered = Enum.with_index(left, fn event, n -> {outbox.fresh + 1 + n, event} end)
    events = Map.new(sent ++ numbered)
    outbox = %{outbox | events: events, sequence: outbox.fresh + length(left)}
    {{Enum.sort(dropped), beyond?(outbox, 2)}, outbox}
  end

  # A reference's event has the source that its type begins with, as a digit.
  defp source(<<"\"t\":\"", digit, _rest::binary>>) when digit in ?1..?9, do: digit - ?0
  defp source(_event), do: 0

  # The oldest goes if it was taken and the ring is full without it.
  defp trim(outbox) do
    [{oldest, _event} | rest] = after_number(outbox, 0)
    full? = length(rest) >= outbox.max_events or bytes(rest) >= outbox.max_bytes

    if oldest <= outbox.taken and full?,
      do: trim(%{outbox | events: Map.delete(outbox.events, oldest)}),
      else: outbox
  end

  @doc "Takes what waits."
  @spec take(t(), transport(), non_neg_integer()) :: {{:ok, binary(), boolean()} | :empty, t()}
  def take(outbox, transport, max_bytes) do
    case after_number(outbox, outbox.taken) do
      [] ->
        {:empty, %{outbox | woken: false}}

      waiting ->
        taken = fit(waiting, max_bytes)
        frames = for {number, event} <- taken, do: frame(transport, ~s({"s":#{number},#{event}))
        {number, _event} = List.last(taken)
        more? = number < outbox.sequence

        {{:ok, IO.iodata_to_binary(frames), more?},
         %{outbox | taken: number, fresh: max(outbox.fresh, number), woken: more?}}
    end
  end

  # A head is counted with the longest number it can hold.
  defp fit([first | rest], max_bytes) do
    {taken, _left} =
      Enum.flat_map_reduce(rest, max_bytes - size(first), fn numbered, left ->
        left = left - size(numbered)
        if left >= 0, do: {[numbered], left}, else: {:halt, left}
      end)

    [first | taken]
  end

  defp size({_number, event}), do: 26 + byte_size(event)

  @doc """
  Takes what waits, and writes it to a socket, of which the kernel leaves so many bytes.

  `:behind` is what `Guildhall.Outbox.flush/1` calls `:blocked`, too, of a socket that was full before.
  """
  @spec flush(t(), Socket.Reference.t() | nil, transport(), left :: non_neg_integer()) ::
          {flushed(), t(), Socket.Reference.t() | nil}
  def flush(outbox, nil, _transport, _left), do: {:unconnected, outbox, nil}

  def flush(outbox, socket, transport, left) do
    cond do
      Socket.Reference.over?(socket) -> {:lost, outbox, socket}
      Socket.Reference.kept(socket) > 0 -> {:behind, outbox, socket}
      true -> outbox |> take(transport, @write) |> write(socket, left)
    end
  end

  defp write({:empty, outbox}, socket, _left), do: {:idle, outbox, socket}

  defp write({{:ok, frames, more?}, outbox}, socket, left) do
    case Socket.Reference.write(socket, frames, left) do
      {:ok, socket} -> {if(more?, do: :more, else: :idle), outbox, socket}
      {:blocked, socket} -> {:blocked, outbox, socket}
    end
  end

  @doc "Frames one payload."
  @spec frame(transport(), iodata()) :: binary()
  def frame(:plain, payload), do: message(1, IO.iodata_to_binary(payload))
  def frame({:etf, :plain}, payload), do: message(2, etf(payload))
  def frame({:etf, zlib}, payload), do: frame(zlib, etf(payload))

  def frame({:zlib, stream}, payload) do
    message(2, IO.iodata_to_binary(:zlib.deflate(stream, payload, :sync)))
  end

  defp etf(json) do
    {:ok, term} = json |> IO.iodata_to_binary() |> Payload.Reference.decode()
    term = typed(named(term))
    :erlang.term_to_binary(term, minor_version: 1)
  end

  defp named(map) when is_map(map),
    do: Map.new(map, fn {key, value} -> {name(key), named(value)} end)

  defp named(list) when is_list(list), do: Enum.map(list, &named/1)
  defp named(term), do: term

  # Only the type of an event is text that becomes an atom.
  defp typed(%{t: type} = payload) when is_binary(type), do: %{payload | t: String.to_atom(type)}
  defp typed(payload), do: payload

  defp name(key) do
    if key =~ ~r/\A[a-z_][a-z0-9_]{0,63}\z/, do: String.to_atom(key), else: key
  end

  defp message(opcode, payload) do
    case byte_size(payload) do
      size when size < 126 -> <<1::1, 0::3, opcode::4, size, payload::binary>>
      size when size < 65_536 -> <<1::1, 0::3, opcode::4, 126, size::16, payload::binary>>
      size -> <<1::1, 0::3, opcode::4, 127, size::64, payload::binary>>
    end
  end

  @doc "Forgets the events up to a number that was taken."
  @spec acknowledge(t(), term()) :: t()
  def acknowledge(outbox, number)
      when is_integer(number) and number > outbox.acknowledged and number <= outbox.taken do
    events = Map.filter(outbox.events, fn {event_number, _event} -> event_number > number end)
    %{outbox | events: events, acknowledged: number}
  end

  def acknowledge(outbox, _number), do: outbox

  @doc "Goes back to a number."
  @spec resume(t(), term()) :: {:ok | {:error, :gone | :invalid}, t()}
  def resume(outbox, number)
      when is_integer(number) and number >= 0 and number <= outbox.sequence do
    missing = Enum.reject((number + 1)..outbox.sequence//1, &is_map_key(outbox.events, &1))

    if missing == [] and not outbox.overflowed,
      do: {:ok, %{outbox | taken: number, fresh: max(outbox.fresh, number)}},
      else: {{:error, :gone}, outbox}
  end

  def resume(outbox, _number), do: {{:error, :invalid}, outbox}

  @doc "Returns the counters."
  @spec info(t()) :: map()
  def info(outbox) do
    pending = after_number(outbox, outbox.taken)

    %{
      sequence: outbox.sequence,
      acknowledged: outbox.acknowledged,
      pending_events: length(pending),
      pending_bytes: bytes(pending),
      ring_events: map_size(outbox.events),
      ring_bytes: bytes(outbox.events),
      overflowed: outbox.overflowed
    }
  end

  defp after_number(outbox, number) do
    outbox.events |> Enum.filter(fn {n, _event} -> n > number end) |> Enum.sort()
  end

  defp bytes(numbered), do: Enum.sum(for {_number, event} <- numbered, do: byte_size(event))
end
