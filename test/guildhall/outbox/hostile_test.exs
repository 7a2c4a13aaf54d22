defmodule Guildhall.Outbox.HostileTest do
  use ExUnit.Case, async: true

  # No term kills the VM: each of these, wherever a term is taken, raises or is refused.

  alias Guildhall.{Frames, Native, Outbox}
  alias Guildhall.Outbox.Transport

  setup do
    %{event: Outbox.event("A", "1"), outbox: Outbox.new(), plain: Transport.new(:plain)}
  end

  test "no handle is a strange term", %{event: event, outbox: outbox, plain: plain} do
    for strange <- strange() ++ [make_ref(), self(), event, plain] do
      refused(fn -> Outbox.push(strange, event) end)
      refused(fn -> Outbox.take(strange, plain, 1) end)
      refused(fn -> Outbox.acknowledge(strange, 1) end)
      refused(fn -> Outbox.resume(strange, 0) end)
      refused(fn -> Outbox.info(strange) end)
      refused(fn -> Outbox.push_many([outbox, strange], event) end)
    end

    for strange <- strange() ++ [outbox, plain] do
      refused(fn -> Outbox.push(outbox, strange) end)
      refused(fn -> Outbox.push_many([outbox], [event, strange]) end)
      refused(fn -> Outbox.push_many([outbox], [{event, [{outbox, [strange]}]}]) end)
    end

    for strange <- strange() ++ [outbox, event] do
      refused(fn -> Outbox.take(outbox, strange, 1) end)
      refused(fn -> Transport.frame(strange, "{}") end)
    end

    assert Outbox.info(outbox).sequence == 0
  end

  test "no list is improper or of something else", %{event: event, outbox: outbox} do
    for strange <- [[outbox | outbox], [outbox | 1], nil, %{}, outbox] do
      refused(fn -> Outbox.push_many(strange, event) end)
      refused(fn -> Native.outbox_push_many(strange, [event], 0) end)
      refused(fn -> Native.outbox_push_many([outbox], strange, 0) end)
    end

    refused(fn -> Outbox.push_many([outbox], [event | event]) end)
    assert Outbox.info(outbox).sequence == 0
  end

  test "no number is negative, a float or beyond 64 bits", %{outbox: outbox, plain: plain} do
    for strange <- [-1, 1.0, nil, 0x1_0000_0000_0000_0000, Integer.pow(10, 400), "1"] do
      refused(fn -> Outbox.take(outbox, plain, strange) end)
      refused(fn -> Native.outbox_take(outbox, plain, strange) end)
      refused(fn -> Native.outbox_new(strange, 1) end)
      assert Outbox.acknowledge(outbox, strange) == :ok
      assert Outbox.resume(outbox, strange) == {:error, :invalid}
    end

    # As large as they may be.
    largest = 0xFFFF_FFFF_FFFF_FFFF
    outbox = Outbox.new(max_events: largest, max_bytes: largest)
    assert Outbox.push(outbox, Outbox.event("A", "1")) == :wake
    assert {:ok, _frames, false} = Outbox.take(outbox, plain, largest)
    assert Outbox.acknowledge(outbox, largest) == :ok
    assert Outbox.resume(outbox, largest) == {:error, :invalid}
    assert Outbox.info(outbox).ring_events == 1
  end

  test "a type or data that is no text raises" do
    message = ~r/expected a type of A-Z.*got: \{"a b"/
    assert_raise ArgumentError, message, fn -> Outbox.event("a b", "1") end

    for type <- ["", "a", ~s(A"), <<0xFF>>, String.duplicate("A", 65)] ++ strange() do
      refused(fn -> Outbox.event(type, "1") end)
    end

    for data <- [nil, 1, %{}, ["x" | 1], [256], [[:a]], <<1::7>>, 1.5] do
      refused(fn -> Outbox.event("A", data) end)
      refused(fn -> Transport.frame(Transport.new(:plain), data) end)
    end

    megabyte = :binary.copy("x", 1_048_576)
    refused(fn -> Outbox.event("A", List.duplicate(megabyte, 65)) end)
  end

  test "data that is no JSON, or too deep, is no ETF" do
    deep = [List.duplicate("[", 10_000), List.duplicate("]", 10_000)]

    for data <- ["", "{", "nul", ~s("\xFF"), <<34, 255, 34>>, deep, "1 1"],
        kind <- [:plain, :zlib_stream, :zstd_stream] do
      transport = Transport.new(kind, encoding: :etf)
      outbox = Outbox.new()
      Outbox.push(outbox, Outbox.event("A", data))
      refused(fn -> Outbox.take(outbox, transport, 1) end)
      refused(fn -> Transport.frame(transport, data) end)

      # What was wrong is over with, and the next one is read.
      Outbox.push(outbox, Outbox.event("A", "1"))
      assert {:ok, frames, false} = Outbox.take(outbox, transport, 1)
      assert [{:binary, _payload}] = Frames.messages(frames)
    end
  end

  test "no option is a strange one" do
    for strange <- strange() do
      refused(fn -> Transport.new(strange) end)
      refused(fn -> Transport.new(:plain, encoding: strange) end)
      refused(fn -> Transport.new(:plain, compression: strange) end)
      refused(fn -> Native.outbox_transport_new(:plain, :json, strange, 1) end)
    end

    for strange <- [-1, 1.5, "1", nil] do
      refused(fn -> Transport.new(:zlib_stream, context_bytes: strange) end)
      refused(fn -> Native.outbox_transport_new(:plain, :json, :auto, strange) end)
    end
  end

  defp strange do
    deep = Enum.reduce(1..10_000, [], fn _level, list -> [list] end)
    [nil, 1, 1.5, Integer.pow(10, 400), :atom, <<1::7>>, "x", [], deep, %{}, {}, fn -> 1 end]
  end

  defp refused(fun) do
    result =
      try do
        fun.()
      rescue
        error -> error
      end

    assert is_exception(result), "it answered #{inspect(result, limit: 5)}"
  end
end
