defmodule Guildhall.Http.Decoder do
  @moduledoc false

  # A client's WebSocket frames (RFC 6455, 5) as they arrive: give `feed/2` the bytes, get messages.
  # Payload is unmasked and checked as it comes, so that a fault shows at its first byte, and only
  # a header or a control frame (at most 139 bytes) ever waits undecoded.
  #
  # After a close frame or an error there is nothing more to say: the rest is dropped.

  alias Guildhall.Http.{Mask, Utf8}

  @continuation 0x0
  @text 0x1
  @binary 0x2
  @close 0x8
  @ping 0x9
  @pong 0xA

  # Empty ones would go on for ever.
  @max_fragments 4_096

  defstruct [
    :frame_limit,
    :message_limit,
    buffer: "",
    # What is left of a data frame: {final?, mask, bytes}.
    frame: nil,
    # The message that the frame belongs to: {opcode, so far, carry of `Utf8`}.
    message: nil,
    # Frames of the message so far.
    fragments: 0,
    done?: false
  ]

  @type t :: %__MODULE__{}
  @type event ::
          {:text | :binary | :ping | :pong, binary()}
          | {:close, 1000..4999 | nil, reason :: String.t()}
          | {:error, 1002 | 1007 | 1009, reason :: atom()}

  @spec new(frame_limit :: pos_integer(), message_limit :: pos_integer()) :: t()
  def new(frame_limit, message_limit) do
    %__MODULE__{frame_limit: frame_limit, message_limit: message_limit}
  end

  @spec feed(t(), binary()) :: {[event()], t()}
  def feed(%__MODULE__{done?: true} = decoder, _data), do: {[], decoder}
  def feed(%__MODULE__{buffer: ""} = decoder, data), do: step(decoder, data, [])
  def feed(%__MODULE__{buffer: buffer} = decoder, data), do: step(decoder, buffer <> data, [])

  defp step(%{frame: nil} = decoder, data, events), do: header(data, decoder, events)

  defp step(%{frame: {final?, mask, left}} = decoder, data, events) do
    case data do
      <<payload::binary-size(left), rest::binary>> ->
        with {:ok, decoder} <- payload(decoder, Mask.apply(payload, mask)),
             {:ok, events, decoder} <- ended(%{decoder | frame: nil}, final?, events) do
          step(decoder, rest, events)
        else
          {:error, code, reason} -> fault(decoder, events, code, reason)
        end

      "" ->
        stop(decoder, "", events)

      part ->
        size = byte_size(part)

        case payload(decoder, Mask.apply(part, mask)) do
          {:ok, decoder} ->
            frame = {final?, Mask.rotate(mask, size), left - size}
            stop(%{decoder | frame: frame}, "", events)

          {:error, code, reason} ->
            fault(decoder, events, code, reason)
        end
    end
  end

  defp stop(decoder, buffer, events), do: {Enum.reverse(events), %{decoder | buffer: buffer}}

  defp fault(decoder, events, code, reason), do: last(decoder, events, {:error, code, reason})

  defp last(decoder, events, event) do
    {Enum.reverse(events, [event]),
     %{decoder | done?: true, buffer: "", frame: nil, message: nil}}
  end

  # The first two bytes can already be wrong, and are judged before any more are waited for.
  defp header(
         <<final::1, reserved::3, opcode::4, masked::1, size::7, rest::binary>> = data,
         d,
         events
       ) do
    case allowed(reserved, opcode, masked, final, size, d.message) do
      :data -> length(size, rest, data, {opcode, final == 1}, d, events)
      :control -> control(opcode, size, rest, data, d, events)
      reason -> fault(d, events, 1002, reason)
    end
  end

  defp header(data, decoder, events), do: stop(decoder, data, events)

  defp allowed(reserved, _, _, _, _, _) when reserved != 0, do: :reserved_bits
  defp allowed(_, _, 0, _, _, _), do: :unmasked
  defp allowed(_, @continuation, _, _, _, nil), do: :unexpected_continuation
  defp allowed(_, @continuation, _, _, _, _message), do: :data
  defp allowed(_, opcode, _, _, _, nil) when opcode in [@text, @binary], do: :data
  defp allowed(_, opcode, _, _, _, _) when opcode in [@text, @binary], do: :unfinished_message
  defp allowed(_, opcode, _, _, _, _) when opcode not in [@close, @ping, @pong], do: :opcode
  defp allowed(_, _, _, 0, _, _), do: :fragmented_control
  defp allowed(_, _, _, _, size, _) when size > 125, do: :long_control
  defp allowed(_, _, _, _, _, _), do: :control

  # A length must take as few bytes as it can.
  defp length(126, <<size::16, _::binary>>, _, _, d, events) when size < 126 do
    fault(d, events, 1002, :length)
  end

  defp length(127, <<size::64, _::binary>>, _, _, d, events)
       when size < 65_536 or size > 0x7FFFFFFFFFFFFFFF do
    fault(d, events, 1002, :length)
  end

  defp length(126, <<size::16, rest::binary>>, data, type, d, events) do
    data_frame(size, rest, data, type, d, events)
  end

  defp length(127, <<size::64, rest::binary>>, data, type, d, events) do
    data_frame(size, rest, data, type, d, events)
  end

  defp length(size, rest, data, type, d, events) when size < 126 do
    data_frame(size, rest, data, type, d, events)
  end

  defp length(_size, _rest, data, _type, d, events), do: stop(d, data, events)

  defp data_frame(size, rest, data, {opcode, final?}, d, events) do
    {message, fragments} =
      if opcode == @continuation, do: {d.message, d.fragments + 1}, else: {{opcode, "", ""}, 1}

    cond do
      fragments > @max_fragments ->
        fault(d, events, 1009, :too_many_fragments)

      size > d.frame_limit ->
        fault(d, events, 1009, :frame_too_large)

      byte_size(elem(message, 1)) + size > d.message_limit ->
        fault(d, events, 1009, :message_too_large)

      byte_size(rest) < 4 ->
        stop(d, data, events)

      true ->
        opened(rest, size, final?, %{d | message: message, fragments: fragments}, events)
    end
  end

  defp opened(<<mask::32, rest::binary>>, size, final?, d, events) do
    step(%{d | frame: {final?, mask, size}}, rest, events)
  end

  defp payload(%{message: {@text, so_far, carry}} = decoder, piece) do
    case Utf8.check(carry, piece) do
      {:ok, carry} -> {:ok, %{decoder | message: {@text, append(so_far, piece), carry}}}
      :error -> {:error, 1007, :utf8}
    end
  end

  defp payload(%{message: {@binary, so_far, carry}} = decoder, piece) do
    {:ok, %{decoder | message: {@binary, append(so_far, piece), carry}}}
  end

  # The first piece is kept as it is; appending to it makes a buffer that grows in place.
  defp append("", piece), do: piece
  defp append(so_far, piece), do: <<so_far::binary, piece::binary>>

  defp ended(decoder, false, events), do: {:ok, events, decoder}

  defp ended(%{message: {@text, text, ""}} = decoder, true, events) do
    {:ok, [{:text, text} | events], %{decoder | message: nil}}
  end

  defp ended(%{message: {@text, _text, _carry}}, true, _events), do: {:error, 1007, :utf8}

  defp ended(%{message: {@binary, data, _carry}} = decoder, true, events) do
    {:ok, [{:binary, data} | events], %{decoder | message: nil}}
  end

  defp control(opcode, size, rest, data, decoder, events) do
    case rest do
      <<mask::32, payload::binary-size(size), rest::binary>> ->
        control(opcode, Mask.apply(payload, mask), rest, decoder, events)

      _part ->
        stop(decoder, data, events)
    end
  end

  defp control(@ping, payload, rest, d, events), do: step(d, rest, [{:ping, payload} | events])
  defp control(@pong, payload, rest, d, events), do: step(d, rest, [{:pong, payload} | events])

  defp control(@close, payload, _rest, decoder, events) do
    case payload do
      "" -> last(decoder, events, {:close, nil, ""})
      <<code::16, reason::binary>> -> last(decoder, events, closing(code, reason))
      _one_byte -> fault(decoder, events, 1002, :close_frame)
    end
  end

  # The codes that may be sent: RFC 6455, 7.4, and those registered since.
  defp closing(code, reason)
       when code in 1000..1003 or code in 1007..1014 or code in 3000..4999 do
    if String.valid?(reason), do: {:close, code, reason}, else: {:error, 1007, :utf8}
  end

  defp closing(_code, _reason), do: {:error, 1002, :close_code}
end
