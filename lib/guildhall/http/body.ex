defmodule Guildhall.Http.Body do
  @moduledoc false

  # Reads a request's body. It must arrive at a minimum rate, after a grace, and all bodies that
  # are being received share one budget, so that slow senders cannot hold the node's memory.

  alias Guildhall.Http.{Chunked, Head, Settings, Socket}

  @type result ::
          {:ok, body :: binary(), rest :: binary()} | {:error, Head.refusal()} | {:lost, :closed}

  @spec read(Head.t(), buffer :: binary(), Socket.t(), Settings.t()) :: result()
  def read(%Head{body: :none}, buffer, _socket, _settings), do: {:ok, "", buffer}

  def read(head, buffer, socket, settings) do
    if head.continue? and buffer == "", do: Socket.send(socket, "HTTP/1.1 100 Continue\r\n\r\n")

    reader = %{
      socket: socket,
      settings: settings,
      started: System.monotonic_time(:millisecond),
      received: 0
    }

    result =
      case head.body do
        {:length, length} -> whole("", buffer, length, reader)
        :chunked -> chunks(Chunked.new(settings.body_limit), buffer, reader)
      end

    {result, reader} = result
    Settings.count(settings, :receiving, -reader.received)
    result
  end

  defp whole(body, data, length, reader) do
    case data do
      <<piece::binary-size(length), rest::binary>> ->
        {{:ok, append(body, piece), rest}, reader}

      part ->
        more(reader, part, fn data, reader ->
          whole(append(body, part), data, length - byte_size(part), reader)
        end)
    end
  end

  defp chunks(chunked, data, reader) do
    case Chunked.feed(chunked, data) do
      {:more, chunked} -> more(reader, data, &chunks(chunked, &1, &2))
      {:done, body, rest} -> {{:ok, body, rest}, reader}
      {:error, :chunk} -> {{:error, {400, :chunk}}, reader}
      {:error, :body_too_large} -> {{:error, {413, :body_too_large}}, reader}
    end
  end

  defp append("", piece), do: piece
  defp append(body, piece), do: <<body::binary, piece::binary>>

  # `part` has been taken: count it, then wait for more.
  defp more(%{settings: settings} = reader, part, continue) do
    reader = %{reader | received: reader.received + byte_size(part)}

    if Settings.count(settings, :receiving, byte_size(part)) > settings.body_budget do
      {{:error, {503, :body_budget}}, reader}
    else
      case Socket.receive(reader.socket, patience(reader)) do
        {:ok, data} -> continue.(data, reader)
        {:error, :timeout} -> {{:error, {408, :body_timeout}}, reader}
        {:error, _reason} -> {{:lost, :closed}, reader}
      end
    end
  end

  defp patience(%{settings: settings} = reader) do
    allowed = settings.body_timeout + div(reader.received * 1_000, settings.body_rate)
    max(reader.started + allowed - System.monotonic_time(:millisecond), 0)
  end
end
