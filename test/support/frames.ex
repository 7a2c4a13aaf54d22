defmodule Guildhall.Frames do
  @moduledoc false

  # The reading half of a client: WebSocket frames, and the stream in them.

  alias Guildhall.{Outbox, Zstd}

  @doc "The messages in bytes that a server sent, each of one frame: `[{:text | :binary, payload}]`."
  @spec messages(binary()) :: [{:text | :binary, binary()}]
  def messages(""), do: []

  def messages(<<1::1, 0::3, opcode::4, 0::1, rest::bitstring>>) do
    kind = %{1 => :text, 2 => :binary}[opcode]
    {payload, rest} = payload(rest)
    [{kind, payload} | messages(rest)]
  end

  defp payload(<<126::7, size::16, payload::binary-size(size), rest::bitstring>>) when size > 125,
    do: {payload, rest}

  defp payload(<<127::7, size::64, payload::binary-size(size), rest::bitstring>>)
       when size > 65_535,
       do: {payload, rest}

  defp payload(<<size::7, payload::binary-size(size), rest::bitstring>>) when size < 126,
    do: {payload, rest}

  @doc "The `d` of every event in an outbox that was not taken yet; data must be without braces."
  @spec data(Guildhall.Outbox.t()) :: [String.t()]
  def data(outbox) do
    case Outbox.take(outbox, Outbox.Transport.new(:plain), 10_000_000) do
      {:ok, frames, more?} ->
        data = for {:text, payload} <- messages(frames), do: d(payload)
        if more?, do: data ++ data(outbox), else: data

      :empty ->
        []
    end
  end

  defp d(payload) do
    [_all, data] = Regex.run(~r/"d":(.*)}$/, payload)
    data
  end

  @doc "A reader of one connection; the calling process owns it. ETF is read into terms."
  @spec reader(:plain | :zlib_stream | :zstd_stream, :json | :etf) :: (binary() -> [term()])
  def reader(kind, encoding \\ :json)
  def reader(:plain, :json), do: &for({:text, payload} <- messages(&1), do: payload)

  def reader(:plain, :etf),
    do: &for({:binary, payload} <- messages(&1), do: :erlang.binary_to_term(payload))

  def reader(stream, :etf) do
    read = reader(stream, :json)
    &for(payload <- read.(&1), do: :erlang.binary_to_term(payload))
  end

  def reader(:zlib_stream, :json) do
    stream = :zlib.open()
    :ok = :zlib.inflateInit(stream)
    &for({:binary, payload} <- messages(&1), do: inflate(stream, payload))
  end

  # Its state is the calling process's, as that of a zlib stream is.
  def reader(:zstd_stream, :json) do
    key = {__MODULE__, make_ref()}
    Process.put(key, Zstd.new())

    fn frames ->
      for {:binary, message} <- messages(frames) do
        {payload, zstd} = Zstd.read(Process.get(key), message)
        Process.put(key, zstd)
        without_primer(payload)
      end
    end
  end

  defp inflate(stream, payload) do
    <<0, 0, 0xFF, 0xFF>> = binary_part(payload, byte_size(payload), -4)
    IO.iodata_to_binary(:zlib.inflate(stream, payload))
  end

  @doc """
  A payload as it was before it was given the primer of zstd-stream: its last field, which clients
  pass over.
  """
  @spec without_primer(binary()) :: binary()
  def without_primer(<<131, 116, fields::32, rest::binary>> = payload) do
    case split_last(rest, <<100, 7::16, "_primer">>) do
      {before, _primer} -> <<131, 116, fields - 1::32, before::binary>>
      nil -> payload
    end
  end

  def without_primer(payload) do
    case split_last(payload, ~s(,"_primer":[)) do
      {before, _primer} -> before <> "}"
      nil -> payload
    end
  end

  defp split_last(text, field) do
    with [_match | _rest] = matches <- :binary.matches(text, field) do
      {from, size} = List.last(matches)
      <<before::binary-size(from), _field::binary-size(size), rest::binary>> = text
      {before, rest}
    else
      [] -> nil
    end
  end
end
