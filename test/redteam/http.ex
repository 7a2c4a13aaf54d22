defmodule Guildhall.Redteam.Http do
  @moduledoc false

  # A caller of the REST API that may lose its connection: an answer is a status, `:timeout`,
  # `:closed` or another reason, and after a loss the next call connects again.

  alias Guildhall.{GatewayClient, HttpClient, Payload}

  @enforce_keys [:port, :ip]
  defstruct [:port, :ip, :client, authorization: nil, timeout: 5_000]

  @type t :: %__MODULE__{}
  @type outcome :: 100..599 | atom()

  @doc "A caller with this source address, and a user's or the operator's `Authorization`."
  @spec new(map(), tuple(), String.t() | nil) :: t()
  def new(node, ip, authorization \\ nil) do
    %__MODULE__{port: node.port, ip: ip, authorization: authorization}
  end

  @doc "Sends a request and waits for its answer. A body that is no text is sent as JSON."
  @spec call(t(), String.t(), String.t(), term(), list()) :: {outcome(), term(), t()}
  def call(http, method, path, body \\ nil, headers \\ []) do
    {headers, body} = encode(headers, body)

    headers =
      if http.authorization, do: [{"authorization", http.authorization} | headers], else: headers

    case attempt(http, &HttpClient.request(&1, method, path, headers, body)) do
      {{:ok, response}, http} -> {response.status, decode(response), keep(response, http)}
      {{:error, reason}, http} -> {reason, nil, http}
    end
  end

  @doc "Applies a function to the connection; it answers a result and the connection."
  @spec attempt(t(), (%HttpClient{} -> {term(), %HttpClient{}})) ::
          {{:ok, term()} | {:error, atom()}, t()}
  def attempt(http, fun) do
    http = connect(http)
    {result, client} = fun.(http.client)
    {{:ok, result}, %{http | client: client}}
  rescue
    error in MatchError -> {{:error, reason(error.term)}, close(http)}
  end

  @spec connect(t()) :: t()
  def connect(%{client: nil} = http) do
    options = [ip: http.ip, timeout: http.timeout]
    %{http | client: HttpClient.connect(http.port, options)}
  end

  def connect(http), do: http

  @doc "Applies a function to a new connection, which is closed if that raises."
  @spec guard(%HttpClient{}, (%HttpClient{} -> result)) :: result when result: term()
  def guard(client, fun) do
    fun.(client)
  rescue
    error ->
      reset(client.socket)
      reraise error, __STACKTRACE__
  end

  @doc "Connects to the gateway; raises if the connection is not upgraded."
  @spec gateway(map(), keyword(), String.t()) :: %GatewayClient{}
  def gateway(node, options, query \\ "?v=10") do
    upgrade = &HttpClient.websocket(&1, "/" <> query)
    client = node.port |> HttpClient.connect(options) |> guard(upgrade)
    %GatewayClient{node: node, http: client}
  end

  @doc "Closes the connection with a reset, so that its port can be used again at once."
  @spec close(t()) :: t()
  def close(%{client: nil} = http), do: http

  def close(http) do
    reset(http.client.socket)
    %{http | client: nil}
  end

  @spec reset(:gen_tcp.socket()) :: :ok
  def reset(socket) do
    _result = :inet.setopts(socket, linger: {true, 0})
    :gen_tcp.close(socket)
  end

  @doc "The name of what went wrong, in a word."
  @spec reason(term()) :: atom()
  def reason({:error, :econnreset}), do: :closed
  def reason({:error, :epipe}), do: :closed
  def reason({:error, reason}) when is_atom(reason), do: reason
  def reason(status) when is_integer(status), do: :"status_#{status}"
  def reason(_other), do: :unreadable

  defp keep(response, http) do
    if List.keyfind(response.headers, "connection", 0) == {"connection", "close"},
      do: close(http),
      else: http
  end

  defp encode(headers, nil), do: {headers, ""}
  defp encode(headers, body) when is_binary(body), do: {headers, body}

  defp encode(headers, body) do
    {[{"content-type", "application/json"} | headers], Payload.encode!(body)}
  end

  defp decode(%{body: body}) do
    case Payload.decode(body) do
      {:ok, term} -> term
      {:error, _reason} -> body
    end
  end
end
