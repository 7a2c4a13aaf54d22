defmodule Guildhall.Outbox.PropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{Frames, Outbox}
  alias Guildhall.Outbox.{Reference, Transport}

  property "answers every command as the reference does" do
    forall {max_events, max_bytes, commands} <-
             {range(1, 8), range(1, 600), list(command())} do
      options = [max_events: max_events, max_bytes: max_bytes]
      start = %{outbox: Outbox.new(options), reference: Reference.new(options)}

      Enum.reduce(commands, connect(start, {:plain, :json, :auto}), fn command, state ->
        state = run(command, state)
        assert Outbox.info(state.outbox) == Reference.info(state.reference)
        state
      end)
    end
  end

  defp run({:push, size}, state), do: run({:push, 0, size}, state)

  # The type of an event that has a source begins with its number.
  defp run({:push, source, size}, state) do
    {type, data} = {if(source == 0, do: "T", else: "#{source}"), data(size)}
    {pushed, reference} = Reference.push(state.reference, Reference.event(type, data))
    assert Outbox.push(state.outbox, Outbox.event(type, data, source)) == pushed
    %{state | reference: reference}
  end

  defp run(:relieve, state) do
    {relieved, reference} = Reference.relieve(state.reference)
    assert Outbox.relieve(state.outbox) == relieved
    %{state | reference: reference}
  end

  # Several events in one call are as many pushes.
  defp run({:push_many, sizes}, state) do
    {pushed, reference} =
      Enum.map_reduce(sizes, state.reference, fn size, reference ->
        Reference.push(reference, Reference.event("T", data(size)))
      end)

    events = for size <- sizes, do: Outbox.event("T", data(size))
    {wake, full} = Outbox.push_many([state.outbox], events)
    assert full == if(:full in pushed, do: [0], else: [])
    assert wake == if(:wake in pushed and full == [], do: [0], else: [])
    %{state | reference: reference}
  end

  defp run({:take, max_bytes}, state) do
    {expected, reference} = Reference.take(state.reference, state.expected, max_bytes)

    assert read(state, Outbox.take(state.outbox, state.transport, max_bytes)) ==
             read(expected, state)

    %{state | reference: reference}
  end

  defp run({:frame, payload}, state) do
    frame = Transport.frame(state.transport, payload)
    assert state.read.(frame) == state.read_expected.(Reference.frame(state.expected, payload))
    state
  end

  defp run({:acknowledge, number}, state) do
    assert Outbox.acknowledge(state.outbox, number) == :ok
    %{state | reference: Reference.acknowledge(state.reference, number)}
  end

  defp run({:resume, number, connection}, state) do
    {expected, reference} = Reference.resume(state.reference, number)
    assert Outbox.resume(state.outbox, number) == expected
    connect(%{state | reference: reference}, connection)
  end

  # A new connection: contexts of its own on both sides. The reference has no zstd; what comes of it is read
  # by a decoder that shares no code with the encoder.
  defp connect(state, {kind, encoding, compression}) do
    Map.merge(state, %{
      transport: Transport.new(kind, encoding: encoding, compression: compression),
      expected: Reference.transport(known(kind), encoding),
      read: Frames.reader(kind, encoding),
      read_expected: Frames.reader(known(kind), encoding)
    })
  end

  defp known(:zstd_stream), do: :plain
  defp known(kind), do: kind

  defp read(%{read: read}, {:ok, frames, more?}), do: {:ok, read.(frames), more?}
  defp read(%{read: _read}, :empty), do: :empty
  defp read({:ok, frames, more?}, state), do: {:ok, state.read_expected.(frames), more?}
  defp read(:empty, _state), do: :empty

  defp data(size), do: ~s({"a":"#{String.duplicate("b1", size)}","1":[null,-1.5]})

  defp connection do
    {oneof([:plain, :zlib_stream, :zstd_stream]), oneof([:json, :etf]),
     oneof([:shared, :context, :auto])}
  end

  # Small rings and small numbers, so that runs meet overflows, gaps and lies.
  defp command do
    frequency([
      {6, {:push, range(0, 60)}},
      {6, {:push, range(1, 3), range(0, 60)}},
      {2, exactly(:relieve)},
      {2, {:push_many, list(range(0, 60))}},
      {4, {:take, range(0, 600)}},
      {1, {:frame, exactly(~s({"op":11}))}},
      {2, {:acknowledge, number()}},
      {2, {:resume, number(), connection()}}
    ])
  end

  defp number,
    do:
      frequency([
        {9, range(0, 30)},
        {1, oneof([nil, -1, 1.0, "1", 18_446_744_073_709_551_616, []])}
      ])
end
