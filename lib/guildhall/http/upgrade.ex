defmodule Guildhall.Http.Upgrade do
  @moduledoc false

  # Whether a request opens a WebSocket (RFC 6455, 4.2.1), and the answer that does.

  alias Guildhall.Http.{Head, Reply, Response}

  @guid "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  @spec answer(Head.t()) :: {:ok, headers :: [{String.t(), String.t()}]} | {:error, Response.t()}
  def answer(%Head{headers: headers} = head) do
    cond do
      "websocket" not in Head.tokens(headers, "upgrade") -> {:error, required()}
      Head.values(headers, "sec-websocket-version") != ["13"] -> {:error, required()}
      not opening?(head) -> {:error, Reply.plain(400)}
      true -> key(Head.values(headers, "sec-websocket-key"))
    end
  end

  defp required do
    Reply.plain(426, [
      {"upgrade", "websocket"},
      {"connection", "upgrade"},
      {"sec-websocket-version", "13"}
    ])
  end

  defp opening?(%Head{method: "GET", version: {1, 1}, body: :none, headers: headers}) do
    "upgrade" in Head.tokens(headers, "connection")
  end

  defp opening?(_head), do: false

  defp key([key]) do
    case Base.decode64(key) do
      {:ok, <<_nonce::binary-size(16)>>} ->
        {:ok,
         [
           {"upgrade", "websocket"},
           {"connection", "upgrade"},
           {"sec-websocket-accept", Base.encode64(:crypto.hash(:sha, key <> @guid))}
         ]}

      _other ->
        {:error, Reply.plain(400)}
    end
  end

  defp key(_none_or_many), do: {:error, Reply.plain(400)}
end
