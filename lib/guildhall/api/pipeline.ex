defmodule Guildhall.Api.Pipeline do
  @moduledoc false

  # The steps of a request: route, parameters, token, limits and the length of the body need its head
  # alone. The body is read only if all of them pass; then the action runs. Each step may end the request,
  # and then the answer has the same shape and is counted once.

  alias Guildhall.Api.{Auth, Body, Call, Error, Quota, Reply, Route}
  alias Guildhall.Http.{Address, Handler, Request, Response}
  alias Guildhall.{Instance, Telemetry}
  alias Guildhall.Model.{Form, Snowflake}

  @typep outcome :: {Route.t() | nil, Quota.t() | nil, Call.result() | :limited}

  @spec run(module(), [String.t()], Request.t(), Instance.t()) :: Handler.answer()
  def run(routes, segments, request, instance) do
    started = System.monotonic_time()

    case head(routes, segments, request, instance) do
      {:admitted, limit, account, quota, call} ->
        # The time that a body took to arrive is the client's.
        started = if request.length == 0, do: started
        {:read, limit, account, &act(%{call | request: &1}, quota, started)}

      outcome ->
        respond(outcome, request, instance, started)
    end
  end

  @spec operator(Request.t(), Instance.t()) :: :ok | {:error, Response.t()}
  def operator(request, instance) do
    with {:error, reason} <- Auth.operator(instance, request) do
      {_route, quota, result} = refuse(nil, reason, request, instance)
      {:error, render(result, quota)}
    end
  end

  defp act(%Call{route: route, request: request, instance: instance} = call, quota, started) do
    started = started || System.monotonic_time()
    respond({route, quota, action(call)}, request, instance, started)
  end

  defp action(%Call{route: route, request: request} = call) do
    with {:ok, {body, files}} <- Body.read(route, request) do
      route.action.(%{call | body: body, files: files})
    end
  end

  @spec respond(outcome(), Request.t(), Instance.t(), integer()) :: Response.t()
  defp respond({route, quota, result}, request, instance, started) do
    response = render(result, quota)

    Telemetry.emit([:api, :request], %{duration: System.monotonic_time() - started}, %{
      instance: instance,
      method: request.method,
      route: route && route.path,
      status: response.status,
      reason: reason(result)
    })

    response
  end

  @spec head(module(), [String.t()], Request.t(), Instance.t()) ::
          outcome()
          | {:admitted, limit :: non_neg_integer(), account :: term(), Quota.t() | nil, Call.t()}
  defp head(routes, segments, request, instance) do
    case routes.match(request.method, segments) do
      {:ok, route, params} -> authorize(route, snowflakes(params), request, instance)
      {:error, miss} -> counted(nil, Quota.anonymous(instance, address(request)), {:error, miss})
    end
  end

  defp authorize(%Route{auth: :none} = route, params, request, instance) do
    case Quota.anonymous(instance, address(request)) do
      {:ok, quota} -> admit(route, nil, params, quota, request, instance)
      {:limited, quota} -> {route, quota, :limited}
    end
  end

  # The operator is not limited, and seeds a node as fast as it can.
  defp authorize(%Route{auth: :operator} = route, params, request, instance) do
    case Auth.operator(instance, request) do
      :ok -> admit(route, nil, params, nil, request, instance)
      {:error, reason} -> refuse(route, reason, request, instance)
    end
  end

  defp authorize(route, params, request, instance) do
    with {:ok, user} <- Auth.user(instance, request),
         {:ok, quota} <- Quota.user(instance, user.id, route, major(route, params)) do
      admit(route, user, params, quota, request, instance)
    else
      {:error, reason} -> refuse(route, reason, request, instance)
      {:limited, quota} -> {route, quota, :limited}
    end
  end

  # Buckets are counted by ids, whatever way a client writes them.
  defp major(%Route{major: major}, {:ok, params}), do: params[major]
  defp major(_route, {:error, _reason}), do: nil

  # Not the client's fault.
  defp refuse(route, :unavailable, _request, _instance), do: {route, nil, {:error, :unavailable}}

  defp refuse(route, reason, request, instance) do
    counted(route, Quota.unauthorized(instance, address(request)), {:error, reason})
  end

  defp counted(route, {:ok, quota}, result), do: {route, quota, result}
  defp counted(route, {:limited, quota}, _result), do: {route, quota, :limited}

  defp admit(%Route{auth: :bot} = route, %{bot: false}, _params, quota, _request, _instance) do
    {route, quota, {:error, :bots_only}}
  end

  defp admit(route, _user, {:error, reason}, quota, _request, _instance) do
    {route, quota, {:error, reason}}
  end

  defp admit(route, user, {:ok, params}, quota, request, instance) do
    limit = Body.limit(route, request)
    call = %Call{instance: instance, route: route, request: request, user: user, params: params}

    # A body without a length is measured as it comes.
    if request.length != nil and request.length > limit,
      do: {route, quota, {:error, :too_large}},
      else: {:admitted, limit, account(route, user), quota, call}
  end

  defp account(%Route{auth: :operator}, nil), do: :operator
  defp account(_route, nil), do: nil
  defp account(_route, user), do: user.id

  defp snowflakes([]), do: {:ok, %{}}

  defp snowflakes(params) do
    Enum.reduce_while(params, {:ok, %{}}, fn {name, text}, {:ok, params} ->
      case snowflake(name, text) do
        {:ok, value} -> {:cont, {:ok, Map.put(params, name, value)}}
        :error -> {:halt, {:error, not_snowflake(name, text)}}
      end
    end)
  end

  defp snowflake(name, text) do
    if name |> Atom.to_string() |> String.ends_with?("_id"),
      do: Snowflake.parse(text),
      else: {:ok, text}
  end

  defp not_snowflake(name, text) do
    Form.error(
      Atom.to_string(name),
      "NUMBER_TYPE_COERCE",
      "Value #{inspect(text)} is not snowflake."
    )
  end

  defp render(:limited, quota), do: Reply.limited(quota)
  defp render(result, quota), do: Reply.render(result, quota)

  defp reason(:limited), do: :rate_limited
  defp reason({:error, reason}), do: Error.name(reason)
  defp reason(_success), do: nil

  defp address(%Request{peer: {address, _port}}), do: Address.client(address)
  defp address(%Request{peer: nil}), do: nil
end
