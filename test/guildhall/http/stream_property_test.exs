defmodule Guildhall.Http.StreamPropertyTest do
  use ExUnit.Case, async: true
  use Guildhall.Property

  alias Guildhall.{HttpClient, HttpServer}
  alias Guildhall.Http.{Head, Response, Settings}

  # Requests as they may come, and what the handler must see of each.
  defp request do
    map(
      {oneof(["GET", "POST", "PATCH", "BREW"]), list(range(?a, ?z)), binary(),
       oneof([:length, :chunked])},
      fn {method, path, body, framing} ->
        path = "/" <> List.to_string(path)
        head = "#{method} #{path} HTTP/1.1\r\nHost: h\r\n"
        {head <> framed(framing, body), {method, path, body}}
      end
    )
  end

  defp framed(:length, body), do: "Content-Length: #{byte_size(body)}\r\n\r\n" <> body

  defp framed(:chunked, body) do
    half = div(byte_size(body), 2)
    <<first::binary-size(half), second::binary>> = body

    chunks =
      for chunk <- [first, second], chunk != "", into: "" do
        Integer.to_string(byte_size(chunk), 16) <> "\r\n" <> chunk <> "\r\n"
      end

    "Transfer-Encoding: chunked\r\n\r\n#{chunks}0\r\n\r\n"
  end

  defp cut("", _sizes), do: []
  defp cut(bytes, []), do: [bytes]

  defp cut(bytes, [size | sizes]) do
    size = min(size, byte_size(bytes))
    <<piece::binary-size(size), rest::binary>> = bytes
    [piece | cut(rest, sizes)]
  end

  property "any cuts of the stream into segments give the same requests, in order" do
    test = self()

    {_name, port} =
      HttpServer.start(fn request ->
        send(test, {:request, {request.method, request.path, request.body}})
        %Response{status: 200, body: request.body}
      end)

    forall {requests, sizes} <- {map(list(request()), &Enum.take(&1, 8)), list(range(1, 60))} do
      {bytes, expected} = Enum.unzip(requests)
      client = HttpClient.connect(port)
      for piece <- cut(Enum.join(bytes), sizes), do: HttpClient.send_raw(client, piece)

      Enum.reduce(expected, client, fn {_method, _path, body} = expected, client ->
        assert_receive {:request, request}
        assert request == expected
        {response, client} = HttpClient.recv_response(client)
        assert %{status: 200, body: ^body} = response
        client
      end)

      refute_received {:request, _more}
      HttpClient.close(client)
    end
  end

  property "a head is found, or refused, wherever the stream is cut" do
    settings =
      Settings.new(
        Guildhall.Options.validate!(
          [
            name: __MODULE__,
            handler: {HttpServer, :echo},
            request_line_limit: 60,
            header_limit: 120
          ],
          Settings.schema()
        )
      )

    forall {parts, sizes} <-
             {list(oneof(["GET / HTTP/1.1\r\n", "x: y\r\n", "\r\n", "\n", "a", binary()])),
              list(range(1, 9))} do
      bytes = Enum.join(parts)
      assert split(cut(bytes, sizes), settings) == split([bytes], settings)
    end
  end

  # What becomes of the stream's first head, and what of the stream is left then.
  defp split(pieces, settings), do: split(pieces, "", 0, settings)

  defp split([], _buffer, _seen, _settings), do: :more

  defp split([piece | pieces], buffer, seen, settings) do
    case Head.split(buffer <> piece, seen, settings) do
      {:ok, head, rest} -> {:ok, head, rest <> Enum.join(pieces)}
      {:more, buffer} -> split(pieces, buffer, byte_size(buffer), settings)
      {:error, refusal} -> {:error, refusal}
    end
  end
end
