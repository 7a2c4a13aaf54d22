defmodule Guildhall.Http.Handler do
  @moduledoc """
  What answers requests: `handler: {module, argument}` of `Guildhall.Http.start_link/1`.

  `handle/2` runs in the connection's process, one request at a time, as soon as the request's head has
  arrived. It answers, and the body is not read; or it allows a body of a number of bytes, and its
  function is called with the request once the whole body is there:

      def handle(%Request{method: "POST"}, _argument) do
        {:read, 4_096, nil, fn request -> %Response{status: 200, body: request.body} end}
      end

  The third element is the account that the request is known to come from, or nil: the connection and
  the body then count for that account (`:connections_per_address`, `:body_share`). If handler or function
  raises, the client gets a plain 500 and the connection lives on. `{:websocket, module, argument,
  options}` asks for an upgrade; the options are those of `t:websocket_option/0`.
  """

  alias Guildhall.Http.{Request, Response}

  @typedoc """
    * `:frame_limit` - the longest frame a client may send, in bytes (65,536)
    * `:message_limit` - the longest message, all fragments together (65,536)
    * `:write_limit` - bytes that may wait in the struct behind a busy socket (1,048,576)
    * `:close_timeout` - how long the closing handshake may take (5,000)
    * `:headers` - further headers of the 101 response
  """
  @type websocket_option ::
          {:frame_limit | :message_limit | :write_limit | :close_timeout, pos_integer()}
          | {:headers, [{String.t(), iodata()}]}

  @typedoc "An answer, or the wish to read a body of at most so many bytes first."
  @type answer ::
          Response.t()
          | {:read, limit :: non_neg_integer(), account :: term() | nil,
             (Request.t() -> Response.t())}

  @doc "Answers a request, asks for its body, or asks for it to be upgraded."
  @callback handle(Request.t(), argument :: term()) ::
              answer() | {:websocket, module(), argument :: term(), [websocket_option()]}
end
