defmodule Guildhall.Operator do
  @moduledoc false

  # The operator's side of the admin API, for the Mix tasks: asks a running node, with the secret from
  # its data folder.

  alias Guildhall.Payload

  @switches [url: :string, data: :string]

  @doc "Parses a task's arguments: its own switches, and those that say where the node is."
  @spec parse!([String.t()], keyword()) :: {keyword(), [String.t()]}
  def parse!(arguments, switches) do
    case OptionParser.parse(arguments, strict: switches ++ @switches) do
      {options, words, []} ->
        {options, words}

      {_options, _words, [{name, _value} | _rest]} ->
        Mix.raise("#{name} is no option of this task, or its value is wrong")
    end
  end

  @doc "Posts to the node and returns its answer, or ends the task with what it said."
  @spec post!(keyword(), String.t(), map()) :: map()
  def post!(options, path, body), do: options |> ask!(:post, path, body) |> Payload.decode!()

  @doc "Puts to the node, or ends the task with what it said."
  @spec put!(keyword(), String.t(), map()) :: :ok
  def put!(options, path, body) do
    _answer = ask!(options, :put, path, body)
    :ok
  end

  @doc "Deletes something of the node's, or ends the task with what it said."
  @spec delete!(keyword(), String.t()) :: :ok
  def delete!(options, path) do
    _answer = ask!(options, :delete, path, nil)
    :ok
  end

  defp ask!(options, method, path, body) do
    url = Keyword.get(options, :url, "http://127.0.0.1:4000")
    start_client()
    headers = [{to_charlist("authorization"), to_charlist("Bearer " <> secret!(options))}]
    target = to_charlist(url <> "/admin" <> path)

    request =
      if body,
        do: {target, headers, to_charlist("application/json"), Payload.encode!(body)},
        else: {target, headers}

    case :httpc.request(method, request, [timeout: 60_000], body_format: :binary) do
      {:ok, {{_version, status, _phrase}, _headers, answer}} when status in 200..299 ->
        answer

      {:ok, {{_version, status, _phrase}, _headers, answer}} ->
        Mix.raise("the node refused: #{status} #{answer}")

      {:error, _reason} ->
        Mix.raise("no node answers on #{url}; start one with bin/run, or name it with --url")
    end
  end

  # A task of a service's project finds `:inets` only if that service uses it, or, from Elixir 1.15 on, asks
  # for it by a function that earlier ones have not.
  defp start_client do
    if function_exported?(Mix, :ensure_application!, 1),
      do: apply(Mix, :ensure_application!, [:inets])

    {:ok, _applications} = Application.ensure_all_started(:inets)
  end

  defp secret!(options) do
    path = Path.join(Keyword.get(options, :data, "data"), "operator.key")

    case File.read(path) do
      {:ok, secret} ->
        Base.url_encode64(secret, padding: false)

      {:error, reason} ->
        Mix.raise(
          "cannot read #{path} (#{:file.format_error(reason)}); name the node's data folder with --data"
        )
    end
  end
end
