# The stomp gem over TCP, in three versions of the protocol:
#
#   ruby ruby-stomp.rb PORT
#
# Each scenario prints one line of JSON, which the Go tests read.

require 'json'
require 'securerandom'
require 'stomp'
require 'timeout'

PORT = Integer(ARGV.fetch(0))
PATIENCE = 20 # seconds
RUN = SecureRandom.hex(6)
$stdout.sync = true

# Quiet takes what the gem would log.
class Quiet
  def method_missing(*) = nil
  def respond_to_missing?(*) = true
end

def connect(version, headers = {})
  connection = Stomp::Connection.new(
    hosts: [{ login: 'anybody', passcode: 'anything', host: '127.0.0.1', port: PORT }],
    connect_headers: version == '1.0' ? headers : { 'accept-version' => version, 'host' => '/' }.merge(headers),
    reliable: false, logger: Quiet.new
  )
  equal(connection.protocol, version, 'version')
  connection
end

def message(connection)
  got = connection.receive
  raise "nothing came: #{connection.connection_frame}" unless got
  raise "want MESSAGE, got #{got}" unless got.command == 'MESSAGE'

  got
end

def equal(got, want, what)
  raise "#{what}: got #{got.inspect}, want #{want.inspect}"[0, 500] unless got == want
end

SCENARIOS = {
  'each version sends and receives' => lambda {
    %w[1.0 1.1 1.2].each do |version|
      connection = connect(version)
      queue = "/queue/rb-#{RUN}-#{version}"
      connection.subscribe(queue, { 'id' => '7' })
      connection.publish(queue, 'hello', { 'note' => 'plain' })
      got = message(connection)
      equal(got.body, 'hello', 'body')
      equal(got.headers['note'], 'plain', 'note')
      connection.disconnect
    end
  },
  'escapes in headers' => lambda {
    connection = connect('1.2')
    queue = "/queue/rb-#{RUN}-escapes"
    connection.subscribe(queue, { 'id' => '1' })
    connection.publish(queue, '', { 'note' => "a:b\\x\ny\rz" })
    equal(message(connection).headers['note'], "a:b\\x\ny\rz", 'note')
    connection.disconnect
  },
  'repeated headers' => lambda {
    connection = connect('1.1')
    queue = "/queue/rb-#{RUN}-repeated"
    connection.subscribe(queue, { 'id' => '1' })
    connection.publish(queue, '', { 'note' => %w[1 2 3] })
    equal(message(connection).headers['note'], %w[1 2 3], 'notes')
    connection.disconnect
  },
  'acknowledgement and refusal' => lambda {
    %w[1.1 1.2].each do |version|
      connection = connect(version)
      queue = "/queue/rb-#{RUN}-ack-#{version}"
      connection.subscribe(queue, { 'id' => '1', 'ack' => 'client-individual' })
      connection.publish(queue, 'x')
      answer = ->(got) { [version == '1.2' ? got.headers['ack'] : got.headers['message-id'], { 'id' => version == '1.2' ? got.headers['ack'] : '1', 'subscription' => '1' }] }
      connection.nack(*answer.call(message(connection)))
      again = message(connection)
      equal(again.headers['redelivered'], 'true', 'redelivered')
      connection.ack(*answer.call(again))
      connection.disconnect
    end
  },
  'a transaction' => lambda {
    connection = connect('1.2')
    queue = "/queue/rb-#{RUN}-tx"
    connection.subscribe(queue, { 'id' => '1' })
    connection.begin('t')
    connection.publish(queue, 'inside', { 'transaction' => 't' })
    connection.publish(queue, 'outside')
    equal(message(connection).body, 'outside', 'first')
    connection.commit('t')
    equal(message(connection).body, 'inside', 'second')
    connection.disconnect
  },
  'a mebibyte' => lambda {
    connection = connect('1.2')
    queue = "/queue/rb-#{RUN}-large"
    connection.subscribe(queue, { 'id' => '1' })
    connection.publish(queue, '0123456789abcdef' * 65_536)
    equal(message(connection).body, '0123456789abcdef' * 65_536, 'body')
    connection.disconnect
  },
  'DISCONNECT with a receipt' => lambda {
    connection = connect('1.1')
    connection.disconnect({ 'receipt' => 'bye' })
    equal(connection.disconnect_receipt.headers['receipt-id'], 'bye', 'receipt-id')
  },
  'heart-beats' => lambda {
    connection = connect('1.2', { 'heart-beat' => '500,500' })
    queue = "/queue/rb-#{RUN}-beats"
    connection.subscribe(queue, { 'id' => '1' })
    connection.publish(queue, 'four beats later', { 'delay' => '2000' })
    equal(message(connection).body, 'four beats later', 'body')
    # It counts only those that come while nobody reads; so look at what it has sent, and that both sides are still there.
    raise 'no heart-beat was sent' unless connection.hbsend_count.positive?

    connection.disconnect
  }
}.freeze

puts JSON.generate('plan' => SCENARIOS.keys)
SCENARIOS.each do |name, scenario|
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  result = { 'name' => name, 'ok' => true }
  begin
    Timeout.timeout(PATIENCE) { scenario.call }
  rescue StandardError => e
    result = { 'name' => name, 'ok' => false, 'error' => "#{e.class}: #{e.message}\n#{e.backtrace.first(5).join("\n")}" }
  end
  puts JSON.generate(result.merge('ms' => ((Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000).to_i))
end
exit!(0) # its threads would keep us
