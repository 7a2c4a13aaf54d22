defmodule Guildhall.Http.Body do
  @moduledoc false

  # Reads a request's body once the handler has allowed it. It must arrive at a minimum rate, after a
  # grace, and within a deadline. All bodies that are being received share one budget, of which a client
  # has a share, so that slow senders cannot hold the node's memory.

  alias Guildhall.Http.{Chunked, Head, Settings, Slots, Socket}

  @type result ::
          {:ok, body :: binary(), rest :: binary()}
          | {:error, Head.refusal()}
          | {:lost, :closed | :evicted}

  # A chunked body may take this many bytes for each of its own, and this many more.
  @chunk_overhead 4
  @chunk_slack 16_384

  @doc """
  Reads a body of at most `limit` bytes. `owners` are the clients whose shares it uses.
  """
  @spec read(Head.t(), buffer :: binary(), Socket.t(), Settings.t(), {
          limit :: non_neg_integer(),
          owners :: [Slots.owner()]
        }) :: result()
  def read(%Head{body: :none}, buffer, _socket, _settings, _bounds), do: {:ok, "", buffer}

  def read(%Head{body: {:length, length}}, _buffer, _socket, _settings, {limit, _owners})
      when length > limit,
      do: {:error, {413, :body_too_large}}

  def read(%Head{body: {:length, length}} = head, buffer, socket, settings, bounds) do
    case buffer do
      # Nearly always: nothing is waited for, so nothing is counted.
      <<body::binary-size(length), rest::binary>> -> {:ok, body, rest}
      _part -> receive_all(head, buffer, socket, settings, bounds)
    end
  end

  def read(head, buffer, socket, settings, bounds) do
    receive_all(head, buffer, socket, settings, bounds)
  end

  defp receive_all(head, buffer, socket, settings, {limit, owners}) do
    limit = min(limit, settings.body_limit)
    if head.continue? and buffer == "", do: Socket.send(socket, "HTTP/1.1 100 Continue\r\n\r\n")

    reader = %{
      socket: socket,
      settings: settings,
      owners: owners,
      limit: limit,
      started: System.monotonic_time(:millisecond),
      received: 0
    }

    result =
      case head.body do
        {:length, length} -> whole("", buffer, length, reader)
        :chunked -> chunks(Chunked.new(limit), buffer, reader)
      end

    Slots.received(settings, self())
    result
  end

  defp whole(body, data, length, reader) do
    case data do
      <<piece::binary-size(length), rest::binary>> ->
        {:ok, append(body, piece), rest}

      part ->
        more(reader, part, fn data, reader ->
          whole(append(body, part), data, length - byte_size(part), reader)
        end)
    end
  end

  defp chunks(_chunked, _data, %{received: received, limit: limit})
       when received > limit * @chunk_overhead + @chunk_slack,
       do: {:error, {413, :body_too_large}}

  defp chunks(chunked, data, reader) do
    case Chunked.feed(chunked, data) do
      {:more, chunked} -> more(reader, data, &chunks(chunked, &1, &2))
      {:done, body, rest} -> {:ok, body, rest}
      {:error, :chunk} -> {:error, {400, :chunk}}
      {:error, :body_too_large} -> {:error, {413, :body_too_large}}
    end
  end

  defp append("", piece), do: piece
  defp append(body, piece), do: <<body::binary, piece::binary>>

  # `part` has been taken: count it, then wait for more.
  defp more(reader, part, continue) do
    reader = %{reader | received: reader.received + byte_size(part)}

    with :ok <- count(reader, byte_size(part)),
         {:ok, data} <- Socket.await(reader.socket, patience(reader)) do
      continue.(data, reader)
    else
      {:error, reason} when reason in [:body_budget, :body_share] -> {:error, {503, reason}}
      {:error, :timeout} -> {:error, {408, :body_timeout}}
      {:error, :evicted} -> {:lost, :evicted}
      {:error, _reason} -> {:lost, :closed}
    end
  end

  defp count(_reader, 0), do: :ok

  defp count(%{settings: settings, owners: owners}, bytes) do
    share = Slots.receiving(settings, owners, bytes)

    if Settings.count(settings, :receiving, bytes) > settings.body_budget,
      do: {:error, :body_budget},
      else: share
  end

  defp patience(%{settings: settings} = reader) do
    allowed = settings.body_timeout + div(reader.received * 1_000, settings.body_rate)
    allowed = min(allowed, settings.body_deadline)
    max(reader.started + allowed - System.monotonic_time(:millisecond), 0)
  end

  @doc """
  Reads a body that nobody wants, so that the connection can go on after an early answer.
  """
  @spec drop(left :: non_neg_integer(), Socket.t(), deadline :: integer()) ::
          {:ok, rest :: binary()} | :error
  def drop(left, socket, deadline) do
    case Socket.await(socket, max(deadline - System.monotonic_time(:millisecond), 0)) do
      {:ok, <<_body::binary-size(left), rest::binary>>} -> {:ok, rest}
      {:ok, part} -> drop(left - byte_size(part), socket, deadline)
      {:error, _reason} -> :error
    end
  end
end
